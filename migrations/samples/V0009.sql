-- Valid after V0009: why a member spoke.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into choices (conversation_id, sequence, choice)
values ('01900000-0000-7000-8000-000000000021', 1,
        '{"member": "writer@prod", "reason": "round robin: turn 1 of 2", "candidates": ["writer@prod"],
          "closing": false, "decided_at": "2026-11-01T00:00:00Z"}');
insert into waits (conversation_id, turn, path, candidates, until)
values ('01900000-0000-7000-8000-000000000022', 1, '', '{writer@prod,critic}', now() + interval '10 minutes');
