-- Runs: what is asked, who works on it, every turn, what it cost, what came out.

create table runs (
    tenant_id           uuid        not null default sec.tenant() references tenants,
    id                  uuid        not null,                  -- also the execution's name
    workflow_id         uuid        not null,
    workflow_version    text        not null,                  -- pinned when it starts
    brief               text        not null,
    language            text,                                  -- BCP 47; null: the brief's own
    state               text        not null default 'queued'
                        check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    error               jsonb,                                 -- {name, detail} of a failed run
    token_cap           bigint      not null check (token_cap > 0),
    micros_cap          bigint      not null check (micros_cap >= 0),   -- millionths of a US dollar
    reserved_tokens     bigint      not null default 0 check (reserved_tokens >= 0),
    reserved_micros     bigint      not null default 0 check (reserved_micros >= 0),
    input_tokens        bigint      not null default 0,
    output_tokens       bigint      not null default 0,
    cost_micros         bigint      not null default 0,
    last_event          bigint      not null default 0,
    started_by          uuid        not null,
    idempotency_key     text,
    request_digest      text        not null,
    created_at          timestamptz not null default now(),
    started_at          timestamptz,
    ended_at            timestamptz,
    primary key (tenant_id, id),
    constraint run_idempotency_key unique (tenant_id, idempotency_key),
    foreign key (tenant_id, workflow_id, workflow_version) references workflow_versions,
    foreign key (tenant_id, started_by) references users
);

create table steps (
    tenant_id           uuid        not null default sec.tenant(),
    run_id              uuid        not null,
    id                  text        not null,                  -- the workflow's name for it
    ordinal             integer     not null,
    kind                text        not null check (kind in ('agent', 'room')),
    definition          jsonb       not null,                  -- as the pinned workflow has it
    cast_pinned         jsonb       not null,                  -- [{slug, agent_id, version, definition}]
    needs               text[]      not null default '{}',
    answer_tokens       integer     not null,                  -- longest answer of one turn
    state               text        not null default 'pending' check
                        (state in ('pending', 'scheduled', 'running', 'succeeded', 'failed', 'cancelled')),
    turns               integer     not null default 0,        -- turns on record
    fence               bigint      not null default 0,        -- a writer with an older one is refused
    attempt             integer     not null default 0,
    lease_until         timestamptz,
    reserved_tokens     bigint      not null default 0,
    reserved_micros     bigint      not null default 0,
    input_tokens        bigint      not null default 0,
    output_tokens       bigint      not null default 0,
    cost_micros         bigint      not null default 0,
    error               jsonb,
    started_at          timestamptz,
    ended_at            timestamptz,
    primary key (tenant_id, run_id, id),
    foreign key (tenant_id, run_id) references runs
);

-- One conversation a step: a monologue or a room.
create table conversations (
    tenant_id           uuid        not null default sec.tenant(),
    id                  uuid        not null,
    run_id              uuid        not null,
    step_id             text        not null,
    kind                text        not null check (kind in ('agent', 'room')),
    title               text        not null,
    created_at          timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, run_id, step_id),
    foreign key (tenant_id, run_id, step_id) references steps
);

-- Append-only. A turn is written once: its key is its conversation and its number.
create table messages (
    tenant_id           uuid        not null default sec.tenant(),
    conversation_id     uuid        not null,
    sequence            integer     not null check (sequence > 0),
    run_id              uuid        not null,
    step_id             text        not null,
    agent_id            uuid        not null,
    agent_version       text        not null,
    speaker             text        not null,                  -- the agent's name at that version
    reason              text        not null,                  -- why this agent spoke
    content             text        not null,
    context             jsonb       not null,                  -- the prompt's layers, by reference
    created_at          timestamptz not null default now(),
    primary key (tenant_id, conversation_id, sequence),
    foreign key (tenant_id, conversation_id) references conversations
);

create table usage (
    tenant_id           uuid        not null default sec.tenant(),
    run_id              uuid        not null,
    step_id             text        not null,
    turn                integer     not null,
    fence               bigint      not null,
    provider            text        not null,
    model               text        not null,
    input_tokens        integer     not null,
    output_tokens       integer     not null,
    estimated           boolean     not null,                  -- counted here, not by the provider
    cost_micros         bigint,                                -- null: no price is known
    calls               integer     not null,                  -- attempts, the last one included
    duration_ms         integer     not null,
    wasted              boolean     not null default false,    -- paid for, but its turn was not taken
    at                  timestamptz not null default now(),
    primary key (tenant_id, run_id, step_id, turn, fence),
    foreign key (tenant_id, run_id, step_id) references steps
);
create unique index usage_turn on usage (tenant_id, run_id, step_id, turn) where not wasted;

create table documents (
    tenant_id           uuid        not null default sec.tenant(),
    id                  uuid        not null,
    run_id              uuid        not null,
    step_id             text        not null,
    name                text        not null,
    media_type          text        not null default 'text/markdown',
    content             text        not null check (content <> ''),
    digest              text        not null,
    created_at          timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint document_name_key unique (tenant_id, run_id, name),
    foreign key (tenant_id, run_id, step_id) references steps
);

-- What happened in a run, in order and without gaps.
create table run_events (
    tenant_id           uuid        not null default sec.tenant(),
    run_id              uuid        not null,
    sequence            bigint      not null,
    kind                text        not null,                  -- 'run.started', 'turn.taken', …
    step_id             text,
    data                jsonb       not null default '{}',
    at                  timestamptz not null default now(),
    primary key (tenant_id, run_id, sequence),
    foreign key (tenant_id, run_id) references runs
);

-- What must still be told to somebody else, written together with the reason for telling it.
create table outbox (
    tenant_id           uuid        not null default sec.tenant() references tenants,
    id                  uuid        not null,
    topic               text        not null check (topic in ('run.start', 'run.stop')),
    subject             uuid        not null,
    attempts            integer     not null default 0,
    created_at          timestamptz not null default now(),
    delivered_at        timestamptz,
    primary key (tenant_id, id)
);
create index outbox_undelivered on outbox (created_at) where delivered_at is null;

do $$
declare
    name text;
begin
    foreach name in array array['runs', 'steps', 'conversations', 'messages', 'usage',
        'documents', 'run_events', 'outbox']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
    end loop;
end
$$;

grant select, insert, update on runs, steps, outbox to app;
grant select, insert         on conversations, messages, usage, documents, run_events to app;

-- The dispatcher's job crosses tenants, so it has a role of its own that may see which messages
-- wait and nothing else. What it finds it handles inside the tenant it belongs to.
create policy dispatcher on outbox for select to dispatcher using (true);
grant select on outbox to dispatcher;

create function sec.undelivered(older_than interval, most integer)
returns table (tenant_id uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select tenant_id, id from public.outbox
    where delivered_at is null and created_at < now() - older_than
    order by created_at
    limit most
$$;
grant create on schema sec to dispatcher;
alter function sec.undelivered(interval, integer) owner to dispatcher;
revoke create on schema sec from dispatcher;
grant usage on schema public to dispatcher;
revoke execute on function sec.undelivered(interval, integer) from public;
grant execute on function sec.undelivered(interval, integer) to app;
