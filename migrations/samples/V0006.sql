-- Valid after V0006: somebody was signed out, and a whole organization once.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into revocations (kind, subject) values ('user', 'auth0|bob');

select sec.enter('22222222-2222-5222-8222-222222222222');
insert into revocations (kind, subject, before) values ('organization', '', now() - interval '1 day');
