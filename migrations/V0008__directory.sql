-- The directory: people and groups as a company's identity provider keeps them, what the issuer is
-- still to be told of them, what it told us, and where the two differ.

create table directory (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    kind            text        not null check (kind in ('user', 'group')),
    user_name       text,                                      -- in lower case; of people
    kept            jsonb       not null,                      -- attributes as SCIM spells them
    folded          jsonb       not null,                      -- for filters: in lower case, with id and meta
    members         uuid[]      not null default '{}',         -- of groups
    sub             text,                                      -- the issuer's subject, once it is known
    version         bigint      not null default 1,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz,
    deleted_by      text        check (deleted_by in ('provider', 'issuer')),
    primary key (tenant_id, id)
);
create unique index user_name_key on directory (tenant_id, user_name) where deleted_at is null;
create unique index directory_by_sub on directory (tenant_id, sub) where deleted_at is null;
create index directory_by_kind on directory (tenant_id, kind, id) where deleted_at is null;

-- A time as filters compare it: to the microsecond, in lower case.
create function scim_time(at timestamptz) returns text
language sql stable
as $$ select to_char(at at time zone 'utc', 'yyyy-mm-dd"t"hh24:mi:ss.us"z"') $$;

-- Who has to be told to the issuer: as often as it changed, and up to which change it knows.
create table pushes (
    tenant_id       uuid        not null default sec.tenant(),
    directory_id    uuid        not null,
    wanted          bigint      not null default 1,
    done            bigint      not null default 0,
    attempts        integer     not null default 0,
    due_at          timestamptz not null default now(),
    error           text,
    primary key (tenant_id, directory_id),
    foreign key (tenant_id, directory_id) references directory
);
create index pushes_due on pushes (due_at) where done < wanted;

-- What the issuer said of somebody, as a value that grows: whatever the order of arrival, and
-- however often, it ends up the same. The newest of each kind counts; `rank` orders what happened
-- at one time.
create table people (
    tenant_id       uuid        not null default sec.tenant(),
    sub             text        not null,
    profile         jsonb       not null default '{}',
    profile_at      text collate ucs_basic not null default '',           -- time and rank of the newest profile
    created_at      text collate ucs_basic not null default '',
    deleted_at      text collate ucs_basic not null default '',
    joined_at       text collate ucs_basic not null default '',           -- of the organization
    left_at         text collate ucs_basic not null default '',
    applied         text        not null default '',           -- the standing that was put into force
    primary key (tenant_id, sub)
);

-- Which events were dealt with.
create table events_seen (
    tenant_id       uuid        not null default sec.tenant(),
    id              text        not null,
    at              timestamptz not null default now(),
    primary key (tenant_id, id)
);

create table drift_reports (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    checked         integer     not null,                      -- people looked at, here and there
    found           integer     not null,
    differences     jsonb       not null,                      -- the first thousand
    created_at      timestamptz not null default now(),
    primary key (tenant_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['directory', 'pushes', 'people', 'events_seen', 'drift_reports']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
        execute format('grant select, insert, update on %I to app', name);
    end loop;
end
$$;

-- What the system's own jobs may know across tenants: who is due, where somebody is known, and which
-- organizations there are. As the dispatcher, who sees these columns and no other.
create policy dispatcher on pushes  for select to dispatcher using (true);
create policy dispatcher on people  for select to dispatcher using (true);
create policy dispatcher on users   for select to dispatcher using (true);
create policy dispatcher on tenants for select to dispatcher using (true);
grant select (tenant_id, directory_id, wanted, done, due_at) on pushes to dispatcher;
grant select (tenant_id, sub) on people, users to dispatcher;
grant select (id, org_id) on tenants to dispatcher;

create function sec.due_pushes(most integer)
returns table (tenant_id uuid, directory_id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select p.tenant_id, p.directory_id from public.pushes p
    where p.done < p.wanted and p.due_at <= now()
    order by p.due_at
    limit most
$$;

create function sec.organizations_of(sub text)
returns table (org_id text)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select t.org_id from public.tenants t
    where t.id in (select u.tenant_id from public.users u where u.sub = organizations_of.sub
                   union
                   select p.tenant_id from public.people p where p.sub = organizations_of.sub)
$$;

create function sec.organizations(after uuid, most integer)
returns table (id uuid, org_id text)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select t.id, t.org_id from public.tenants t
    where after is null or t.id > after
    order by t.id
    limit most
$$;

create index users_by_sub on users (sub);
create index people_by_sub on people (sub);

grant create on schema sec to dispatcher;
alter function sec.due_pushes(integer) owner to dispatcher;
alter function sec.organizations_of(text) owner to dispatcher;
alter function sec.organizations(uuid, integer) owner to dispatcher;
revoke create on schema sec from dispatcher;
revoke execute on function sec.due_pushes(integer), sec.organizations_of(text),
                           sec.organizations(uuid, integer) from public;
grant execute on function sec.due_pushes(integer), sec.organizations_of(text),
                          sec.organizations(uuid, integer) to app;
revoke execute on function scim_time(timestamptz) from public;
grant execute on function scim_time(timestamptz) to app;
