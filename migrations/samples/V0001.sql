-- Valid after V0001: two organizations, their people, and what they did.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into tenants (id, org_id, name)
values ('11111111-1111-5111-8111-111111111111', 'org_sample', 'Sample');
insert into users (tenant_id, id, sub)
values ('11111111-1111-5111-8111-111111111111', '11111111-0000-5000-8000-00000000000a', 'auth0|ada'),
       ('11111111-1111-5111-8111-111111111111', '11111111-0000-5000-8000-00000000000b', 'auth0|bob');
insert into audit_log (actor, action, subject)
values ('11111111-0000-5000-8000-00000000000a', 'agent.created', '01900000-0000-7000-8000-000000000001'),
       ('11111111-0000-5000-8000-00000000000b', 'agent.published', '01900000-0000-7000-8000-000000000001');

select sec.enter('22222222-2222-5222-8222-222222222222');
insert into tenants (id, org_id) values ('22222222-2222-5222-8222-222222222222', 'org_other');
insert into users (tenant_id, id, sub)
values ('22222222-2222-5222-8222-222222222222', '22222222-0000-5000-8000-00000000000a', 'auth0|ada');
insert into audit_log (actor, action, subject)
values ('22222222-0000-5000-8000-00000000000a', 'agent.created', '01900000-0000-7000-8000-000000000001');
