-- Valid after V0007: one that goes on, and one that was ended.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into sessions (id, digest, user_id, sub, org_id, client, admin_client, permissions, factors,
                      profile, refresh, agent, fresh_until, until)
values ('01900000-0000-7000-8000-0000000000a1', repeat('a', 64), '11111111-0000-5000-8000-00000000000a',
        'auth0|ada', 'org_sample', 'web', false, '{agents:read}', '{pwd,mfa}', '{"roles": []}',
        '\x00', 'a browser', now() + interval '2 hours', now() + interval '1 day');
insert into sessions (id, digest, user_id, sub, org_id, admin_client, permissions, factors, profile,
                      agent, fresh_until, until, ended_at, ended_why)
values ('01900000-0000-7000-8000-0000000000a2', repeat('b', 64), '11111111-0000-5000-8000-00000000000a',
        'auth0|ada', 'org_sample', false, '{}', '{}', '{}', 'another browser', now(), now(), now(),
        'signed out');
