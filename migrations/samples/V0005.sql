-- Valid after V0005: roles, members with and without them, and keys that hold or do not.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into roles (id, slug, name, permissions)
values ('01900000-0000-7000-8000-000000000041', 'auditor', 'Auditor', '{runs:read,documents:read}');
insert into members (user_id, state, roles)
values ('11111111-0000-5000-8000-00000000000a', 'active', '{tenant-admin}'),
       ('11111111-0000-5000-8000-00000000000b', 'removed', '{}');
insert into api_keys (id, name, owner, lookup, digest, hint, permissions, expires_at, revoked_at)
values ('01900000-0000-7000-8000-000000000042', 'build', '11111111-0000-5000-8000-00000000000a',
        '0011223344556677', '\x00', 'abcd', '{runs:read}', now() + interval '90 days', null),
       ('01900000-0000-7000-8000-000000000043', 'old', '11111111-0000-5000-8000-00000000000b',
        '8899aabbccddeeff', '\x00', 'wxyz', '{runs:read}', now() + interval '1 day', now());
