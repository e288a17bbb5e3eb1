-- Valid after V0010: something every agent of the organization is told, and who else sees a room's.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into context_entries (id, layer, owner, name, kind, value, load, language, provenance, written_by)
select '01900000-0000-7000-8000-000000000061', 'tenant', sec.tenant(), 'house-style', 'instruction',
       '"Write plainly."', '{"when": "always"}', 'en', '{"from": "person", "source": ""}', id
from users where tenant_id = sec.tenant() limit 1;
insert into context_grants (id, layer, owner, reader, reader_id, granted_by)
select '01900000-0000-7000-8000-000000000062', 'tenant', sec.tenant(), 'agent',
       '01900000-0000-7000-8000-000000000001', id
from users where tenant_id = sec.tenant() limit 1;
