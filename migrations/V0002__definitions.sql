-- Agents and workflows as data: a draft that changes, versions that do not. And what was imported.

create table agents (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    slug            text        not null check (slug ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    draft           jsonb       not null,
    imported        jsonb,                                     -- as last imported: the base of merges
    revision        integer     not null default 1,            -- counts changes of the draft
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint agent_slug_key unique (tenant_id, slug)
);

create table agent_versions (
    tenant_id       uuid        not null default sec.tenant(),
    agent_id        uuid        not null,
    version         text        not null,                      -- semantic version 2.0
    ordinal         integer     not null,                      -- 1, 2, 3 … in order of publication
    definition      jsonb       not null,
    digest          text        not null,                      -- sha-256 of the definition
    published_by    uuid        not null,
    published_at    timestamptz not null default now(),
    primary key (tenant_id, agent_id, version),
    unique (tenant_id, agent_id, ordinal),
    foreign key (tenant_id, agent_id) references agents
);

-- A name for a version that moves: prod, canary. Rolling back is moving it.
create table agent_labels (
    tenant_id       uuid        not null default sec.tenant(),
    agent_id        uuid        not null,
    label           text        not null check (label ~ '^[a-z][a-z0-9-]{0,29}$'),
    version         text        not null,
    moved_at        timestamptz not null default now(),
    primary key (tenant_id, agent_id, label),
    foreign key (tenant_id, agent_id, version) references agent_versions
);

create table workflows (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    slug            text        not null check (slug ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    draft           jsonb       not null,
    imported        jsonb,
    revision        integer     not null default 1,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint workflow_slug_key unique (tenant_id, slug)
);

create table workflow_versions (
    tenant_id       uuid        not null default sec.tenant(),
    workflow_id     uuid        not null,
    version         text        not null,
    ordinal         integer     not null,
    definition      jsonb       not null,
    digest          text        not null,
    published_by    uuid        not null,
    published_at    timestamptz not null default now(),
    primary key (tenant_id, workflow_id, version),
    unique (tenant_id, workflow_id, ordinal),
    foreign key (tenant_id, workflow_id) references workflows
);

-- An old name of a workflow that still leads to it.
create table workflow_aliases (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    slug            text        not null,
    target          text        not null,
    primary key (tenant_id, slug)
);

-- A cast and a scene, for rooms.
create table rooms (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    slug            text        not null check (slug ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    definition      jsonb       not null,
    digest          text        not null,
    updated_at      timestamptz not null default now(),
    primary key (tenant_id, slug)
);

create table imports (
    tenant_id       uuid        not null default sec.tenant() references tenants,
    id              uuid        not null,
    digest          text        not null,                      -- sha-256 of what was uploaded
    source          jsonb       not null,                      -- name, version, licence, generation
    report          jsonb       not null,
    created_at      timestamptz not null default now(),
    primary key (tenant_id, id)
);

-- Files of a bundle that are neither agent nor workflow. Kept as they came, never run.
create table import_attachments (
    tenant_id       uuid        not null default sec.tenant(),
    import_id       uuid        not null,
    path            text        not null,
    kind            text        not null,
    digest          text        not null,
    bytes           integer     not null,
    content         bytea       not null,
    primary key (tenant_id, import_id, path),
    foreign key (tenant_id, import_id) references imports
);

do $$
declare
    name text;
begin
    foreach name in array array['agents', 'agent_versions', 'agent_labels', 'workflows',
        'workflow_versions', 'workflow_aliases', 'rooms', 'imports', 'import_attachments']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
    end loop;
end
$$;

-- Versions are immutable because nobody may update them.
grant select, insert         on agent_versions, workflow_versions, imports, import_attachments to app;
grant select, insert, update on agents, agent_labels, workflows, workflow_aliases, rooms to app;
