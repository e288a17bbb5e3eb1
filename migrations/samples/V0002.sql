-- Valid after V0002: an agent made by hand and one that was imported and changed since, a workflow,
-- an old name, a room, and the import. The other organization has an agent of the same id and name.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into agents (id, slug, draft, imported, revision)
values ('01900000-0000-7000-8000-000000000001', 'writer', '{"name": "Will", "role": "You write."}', null, 3),
       ('01900000-0000-7000-8000-000000000002', 'module-reader', '{"name": "Rea", "role": "Ours."}',
        '{"name": "Rea", "role": "Theirs."}', 2);
insert into agent_versions (agent_id, version, ordinal, definition, digest, published_by)
values ('01900000-0000-7000-8000-000000000001', '1.0.0', 1, '{"name": "Will"}', repeat('a', 64),
        '11111111-0000-5000-8000-00000000000a'),
       ('01900000-0000-7000-8000-000000000001', '1.1.0-beta.1', 2, '{"name": "Will"}', repeat('b', 64),
        '11111111-0000-5000-8000-00000000000b'),
       ('01900000-0000-7000-8000-000000000002', '1.0.0', 1, '{"name": "Rea"}', repeat('c', 64),
        '11111111-0000-5000-8000-00000000000a');
insert into agent_labels (agent_id, label, version)
values ('01900000-0000-7000-8000-000000000001', 'prod', '1.0.0'),
       ('01900000-0000-7000-8000-000000000001', 'canary', '1.1.0-beta.1');
insert into workflows (id, slug, draft)
values ('01900000-0000-7000-8000-000000000003', 'flow',
        '{"name": "Flow", "steps": [{"id": "first", "agent": "writer@prod", "document": "first.md"}]}');
insert into workflow_versions (workflow_id, version, ordinal, definition, digest, published_by)
values ('01900000-0000-7000-8000-000000000003', '1.0.0', 1,
        '{"name": "Flow", "steps": [{"id": "first", "agent": "writer@prod", "document": "first.md"}]}',
        repeat('d', 64), '11111111-0000-5000-8000-00000000000a');
insert into workflow_aliases (slug, target) values ('old-flow', 'flow');
insert into rooms (slug, definition, digest)
values ('table', '{"members": ["writer", "module-reader"]}', repeat('e', 64));
insert into imports (id, digest, source, report)
values ('01900000-0000-7000-8000-000000000004', repeat('f', 64),
        '{"name": "module", "version": "1.0.0", "licence": "MIT", "generation": "d"}', '{}');
insert into import_attachments (import_id, path, kind, digest, bytes, content)
values ('01900000-0000-7000-8000-000000000004', 'a/b.md', 'reference', repeat('0', 64), 3, 'abc');

select sec.enter('22222222-2222-5222-8222-222222222222');
insert into agents (id, slug, draft)
values ('01900000-0000-7000-8000-000000000001', 'writer', '{"name": "Another"}');
