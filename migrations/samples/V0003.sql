-- Valid after V0003: a run that ended well, one that works, one that failed and one that waits.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into runs (id, workflow_id, workflow_version, brief, language, state, error, token_cap, micros_cap,
                  reserved_tokens, input_tokens, output_tokens, cost_micros, last_event, started_by,
                  idempotency_key, request_digest, started_at, ended_at)
values ('01900000-0000-7000-8000-000000000011', '01900000-0000-7000-8000-000000000003', '1.0.0', 'Bicycles.',
        'nl', 'succeeded', null, 2000000, 10000000, 0, 100, 20, 7, 5, '11111111-0000-5000-8000-00000000000a',
        'key-1', repeat('1', 64), now(), now()),
       ('01900000-0000-7000-8000-000000000012', '01900000-0000-7000-8000-000000000003', '1.0.0', 'Boats.',
        null, 'running', null, 2000000, 10000000, 4512, 0, 0, 0, 3, '11111111-0000-5000-8000-00000000000b',
        null, repeat('2', 64), now(), null),
       ('01900000-0000-7000-8000-000000000013', '01900000-0000-7000-8000-000000000003', '1.0.0', 'Trains.',
        null, 'failed', '{"name": "SpendCapReached", "detail": "the run may not spend more"}', 1, 0, 0, 0, 0, 0,
        4, '11111111-0000-5000-8000-00000000000a', null, repeat('3', 64), now(), now()),
       ('01900000-0000-7000-8000-000000000014', '01900000-0000-7000-8000-000000000003', '1.0.0', 'Planes.',
        null, 'queued', null, 2000000, 10000000, 0, 0, 0, 0, 1, '11111111-0000-5000-8000-00000000000a', null,
        repeat('4', 64), null, null);
insert into steps (run_id, id, ordinal, kind, definition, cast_pinned, answer_tokens, state, turns, fence,
                   lease_until, reserved_tokens, started_at, ended_at)
select run.id, 'first', 0, 'agent',
       '{"step": {"id": "first", "agent": "writer@prod", "document": "first.md"}, "skill": null}',
       '[{"reference": "writer@prod", "agent_id": "01900000-0000-7000-8000-000000000001", "version": "1.0.0",
          "definition": {"name": "Will"}}]',
       512, run.state, run.turns, run.fence, run.lease_until, run.reserved, now(), null
from (values
    ('01900000-0000-7000-8000-000000000011'::uuid, 'succeeded', 1, 1, null::timestamptz, 0),
    ('01900000-0000-7000-8000-000000000012', 'running', 0, 1, now() + interval '2 minutes', 4512),
    ('01900000-0000-7000-8000-000000000013', 'failed', 0, 1, null, 0),
    ('01900000-0000-7000-8000-000000000014', 'pending', 0, 0, null, 0)
) as run (id, state, turns, fence, lease_until, reserved);
insert into conversations (id, run_id, step_id, kind, title)
values ('01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000011', 'first', 'agent', 'first'),
       ('01900000-0000-7000-8000-000000000022', '01900000-0000-7000-8000-000000000012', 'first', 'agent', 'first');
insert into messages (conversation_id, sequence, run_id, step_id, agent_id, agent_version, speaker, reason,
                      content, context)
values ('01900000-0000-7000-8000-000000000021', 1, '01900000-0000-7000-8000-000000000011', 'first',
        '01900000-0000-7000-8000-000000000001', '1.0.0', 'Will', 'the step names this agent', 'Pedals.',
        '[{"layer": "agent", "source": "writer@1.0.0", "tokens": 9, "included_tokens": 9}]');
insert into usage (run_id, step_id, turn, fence, provider, model, input_tokens, output_tokens, estimated,
                   cost_micros, calls, duration_ms, wasted)
values ('01900000-0000-7000-8000-000000000011', 'first', 1, 1, 'openai', 'm', 100, 20, false, 7, 1, 900, false),
       ('01900000-0000-7000-8000-000000000011', 'first', 1, 2, 'openai', 'm', 100, 18, true, null, 3, 1200, true);
insert into documents (id, run_id, step_id, name, content, digest)
values ('01900000-0000-7000-8000-000000000031', '01900000-0000-7000-8000-000000000011', 'first', 'first.md',
        'Pedals.', repeat('5', 64));
insert into run_events (run_id, sequence, kind, step_id, data)
values ('01900000-0000-7000-8000-000000000011', 1, 'run.queued', null, '{}'),
       ('01900000-0000-7000-8000-000000000011', 2, 'run.started', null, '{}'),
       ('01900000-0000-7000-8000-000000000011', 3, 'turn.taken', 'first', '{"turn": 1}'),
       ('01900000-0000-7000-8000-000000000014', 1, 'run.queued', null, '{}');
insert into outbox (id, topic, subject, attempts, delivered_at)
values ('01900000-0000-7000-8000-000000000011', 'run.start', '01900000-0000-7000-8000-000000000011', 1, now()),
       ('01900000-0000-7000-8000-000000000014', 'run.start', '01900000-0000-7000-8000-000000000014', 0, null);
