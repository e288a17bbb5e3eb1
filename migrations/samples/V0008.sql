-- Valid after V0008: somebody of the directory, their group, what is to be told, and what was said.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into directory (id, kind, user_name, kept, folded, sub)
values ('01900000-0000-7000-8000-000000000051', 'user', 'ada@sample.test', '{"userName": "Ada@sample.test"}',
        '{"username": "ada@sample.test"}', 'auth0|ada');
insert into directory (id, kind, kept, folded, members)
values ('01900000-0000-7000-8000-000000000052', 'group',
        '{"displayName": "All", "members": [{"value": "01900000-0000-7000-8000-000000000051"}]}',
        '{"displayname": "all", "members": [{"value": "01900000-0000-7000-8000-000000000051"}]}',
        '{01900000-0000-7000-8000-000000000051}');
insert into pushes (directory_id) values ('01900000-0000-7000-8000-000000000051');
insert into people (sub, profile, profile_at, joined_at)
values ('auth0|ada', '{"email": "ada@sample.test"}', '2026-01-07T03:15:00.000000000Z 0 a',
        '2026-01-07T03:15:00.000000000Z 0 b');
insert into events_seen (id) values ('evt_sample');
insert into drift_reports (id, checked, found, differences)
values ('01900000-0000-7000-8000-000000000053', 1, 1,
        '[{"sub": "auth0|eve", "kind": "missing-here", "here": null, "there": "eve@sample.test"}]');
