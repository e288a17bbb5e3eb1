-- Valid after V0011: the message that a run's leases are looked after when it has ended.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into outbox (id, topic, subject, created_at)
values ('01900000-0000-7000-8000-000000000071', 'spend.settle',
        '01900000-0000-7000-8000-000000000013', now() + interval '5 minutes');
