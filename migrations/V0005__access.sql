-- Who may do what within a tenant: its members' roles, roles of its own, and its API keys.

-- A role that the tenant made; the product's own are in functions/access/roles.json.
create table roles (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    slug            text        not null check (slug ~ '^[a-z][a-z0-9-]{0,49}$'),
    name            text        not null,
    description     text        not null default '',
    permissions     text[]      not null,
    revision        integer     not null default 1,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz,
    primary key (tenant_id, id)
);
create unique index role_slug_key on roles (tenant_id, slug) where deleted_at is null;

-- A user has a row once somebody gave them roles here, or shut them out. Without one, what their
-- token permits is what they may do.
create table members (
    tenant_id       uuid        not null default sec.tenant(),
    user_id         uuid        not null,
    state           text        not null default 'active' check (state in ('active', 'blocked', 'removed')),
    roles           text[]      not null default '{}',         -- slugs: the product's, and the tenant's own
    changed_at      timestamptz not null default now(),
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references users
);

create table api_keys (
    tenant_id       uuid        not null default sec.tenant(),
    id              uuid        not null,
    name            text        not null,
    owner           uuid        not null,                      -- acts for whoever made it
    lookup          text        not null,                      -- the first 64 bits of the digest
    digest          bytea       not null,                      -- sha-256 of the whole key
    hint            text        not null,                      -- its last four characters
    permissions     text[]      not null,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null,
    last_used_at    timestamptz,                               -- true to five minutes
    revoked_at      timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, owner) references users
);
create index api_keys_by_owner on api_keys (tenant_id, owner);

do $$
declare
    name text;
begin
    foreach name in array array['roles', 'members', 'api_keys']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
        execute format('grant select, insert, update on %I to app', name);
    end loop;
end
$$;

-- What the tenant leaves of a member's permissions: permissions of its own roles, and names of the
-- product's, whose meaning a release may change (shared/src/auth/roles.rs tells them apart by the
-- colon). Null when nothing is recorded, which leaves all; somebody who is shut out keeps nothing.
create or replace function member_ceiling(member uuid) returns text[]
language sql stable
as $$
    select case when m.state <> 'active' then '{}'
                when m.roles <> '{}' then array(
                    select p from roles r cross join unnest(r.permissions) as p
                    where r.slug = any (m.roles) and r.deleted_at is null
                    union
                    (select unnest(m.roles)
                     except
                     select r.slug from roles r where r.deleted_at is null)
                ) end
    from members m
    where m.user_id = member_ceiling.member
$$;

-- The key of this look-up that still holds, with whom it acts for. That it was used is written down
-- once in five minutes at most, so that a busy key is not a busy row.
create function resolve_key(tenant uuid, lookup text)
returns table (
    id uuid, owner uuid, sub text, org_id text, digest bytea, permissions text[],
    created_at timestamptz, expires_at timestamptz
)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
    perform set_config('app.tenant_id', resolve_key.tenant::text, true),
            set_config('synchronous_commit', 'off', true);
    update api_keys k set last_used_at = now()
    where k.lookup = resolve_key.lookup and k.revoked_at is null and k.expires_at > now()
      and (k.last_used_at is null or k.last_used_at < now() - interval '5 minutes');
    return query
        select k.id, k.owner, u.sub, t.org_id, k.digest, k.permissions, k.created_at, k.expires_at
        from api_keys k
        join users u on u.id = k.owner
        join tenants t on t.id = resolve_key.tenant
        where k.lookup = resolve_key.lookup and k.revoked_at is null and k.expires_at > now();
end
$$;

revoke execute on function member_ceiling(uuid), resolve_key(uuid, text) from public;
grant execute on function member_ceiling(uuid), resolve_key(uuid, text) to app;
