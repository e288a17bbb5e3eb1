-- Tenants, users, the audit trail, and the gate every statement passes.

-- The role that functions use: never the owner, never exempt from row-level security.
-- Where it exists already (the platform made it, with its password), it stays as it is.
do $$
begin
    if not exists (select from pg_roles where rolname = 'app') then
        create role app login nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
    if not exists (select from pg_roles where rolname = 'dispatcher') then
        create role dispatcher nologin nosuperuser nobypassrls;
        grant dispatcher to current_user with inherit false, set true;
    end if;
    -- Poolers refuse settings at connect, so limits live here. Migrations lift them for themselves.
    execute format('alter database %I set statement_timeout = %L', current_database(), '15s');
    execute format('alter database %I set lock_timeout = %L', current_database(), '5s');
    execute format('alter database %I set idle_in_transaction_session_timeout = %L',
                   current_database(), '30s');
end
$$;

revoke create on schema public from public;
grant usage on schema public to app;

create schema sec;
grant usage on schema sec to app, dispatcher;

-- Which tenant this transaction works for. A function, because the pooler of AWS pins a server
-- connection on SET and on set_config in plain sight, and transaction-local, so that nothing is
-- left behind for the next client of the same server connection.
create function sec.enter(tenant uuid) returns void
language sql volatile set search_path = pg_catalog
as $$ select set_config('app.tenant_id', tenant::text, true); $$;

-- The same, and a crash of the server may forget the transaction: for leases.
create function sec.enter_relaxed(tenant uuid) returns void
language sql volatile
as $$
    select pg_catalog.set_config('app.tenant_id', tenant::text, true),
           pg_catalog.set_config('synchronous_commit', 'off', true);
$$;

-- Null when there is none: comparisons with it are then never true, so nothing is seen.
create function sec.tenant() returns uuid
language sql stable parallel safe
as $$ select nullif(pg_catalog.current_setting('app.tenant_id', true), '')::uuid $$;

create table tenants (
    id          uuid        primary key,                       -- follows from org_id
    org_id      text        not null unique,                   -- the issuer's organization
    name        text,
    created_at  timestamptz not null default now()
);

create table users (
    tenant_id   uuid        not null references tenants,
    id          uuid        not null,                          -- follows from tenant and sub
    sub         text        not null,                          -- the issuer's subject
    created_at  timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, sub)
);

create table audit_log (
    tenant_id   uuid        not null default sec.tenant() references tenants,
    id          bigint      generated always as identity,
    actor       uuid        not null,
    action      text        not null,                          -- 'agent.created', …
    subject     uuid        not null,
    at          timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, actor) references users
);

alter table tenants   enable row level security;
alter table tenants   force  row level security;
alter table users     enable row level security;
alter table users     force  row level security;
alter table audit_log enable row level security;
alter table audit_log force  row level security;

create policy tenant on tenants   using (id = sec.tenant())        with check (id = sec.tenant());
create policy tenant on users     using (tenant_id = sec.tenant()) with check (tenant_id = sec.tenant());
create policy tenant on audit_log using (tenant_id = sec.tenant()) with check (tenant_id = sec.tenant());

grant select, insert on tenants, users, audit_log to app;
