-- Valid after V0009: a turn with the choice of its speaker, one that a person named, and one that
-- waits for somebody.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into choices (conversation_id, sequence, choice, tools)
values ('01900000-0000-7000-8000-000000000021', 1,
        '{"member": "writer@prod", "reason": "the next in turn", "candidates": ["writer@prod"], "path": "",
          "closing": false, "answers": [], "decided_at": "2026-01-01T00:00:00Z"}', '{look}');
insert into waits (conversation_id, turn, path, candidates, until, member, named_by)
values ('01900000-0000-7000-8000-000000000021', 1, '', '{writer@prod}', now(), 'writer@prod',
        '11111111-0000-5000-8000-00000000000a'),
       ('01900000-0000-7000-8000-000000000022', 1, 'review#1', '{writer@prod}', now() + interval '10 minutes',
        null, null);
