-- What was taken back before its time, and the one question that stands before every request.

create table revocations (
    tenant_id   uuid        not null default sec.tenant(),      -- may not be on record (yet)
    kind        text        not null check (kind in ('organization', 'user', 'proof')),
    subject     text        not null check (length(subject) <= 1024),  -- sub, or an id; '' of an organization
    before      timestamptz not null default now(),             -- what began until then is refused
    primary key (tenant_id, kind, subject)
);

alter table revocations enable row level security;
alter table revocations force  row level security;
create policy tenant on revocations using (tenant_id = sec.tenant()) with check (tenant_id = sec.tenant());
grant select, insert, update on revocations to app;

-- For each subject the second of its mark, 0 without one; and the member's ceiling.
create function standing(tenant uuid, kinds text[], subjects text[], member uuid,
                         out marks int8[], out ceiling text[])
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
    perform set_config('app.tenant_id', standing.tenant::text, true);
    select array_agg(coalesce(floor(extract(epoch from r.before))::int8, 0) order by asked.n)
    into marks
    from unnest(standing.kinds, standing.subjects) with ordinality as asked (kind, subject, n)
    left join revocations r on r.kind = asked.kind and r.subject = asked.subject;
    ceiling := member_ceiling(standing.member);
end
$$;
