-- A room decides who speaks by its record: who was chosen for each turn, among whom, why, and what
-- was answered when it was asked. A claim of its turn brings that along. An agent's step goes on
-- without it.

-- Append-only, one for each turn of a room. What is decided again from it must be what was decided.
create table choices (
    tenant_id           uuid        not null default sec.tenant(),
    conversation_id     uuid        not null,
    sequence            integer     not null,
    choice              jsonb       not null,                  -- member, reason, candidates, fallback, …
    tools               text[]      not null default '{}',     -- called in this turn
    primary key (tenant_id, conversation_id, sequence),
    foreign key (tenant_id, conversation_id, sequence) references messages
);

-- A turn for which a person is to name the speaker: told once, named once.
create table waits (
    tenant_id           uuid        not null default sec.tenant(),
    conversation_id     uuid        not null,
    turn                integer     not null,
    path                text        not null,                  -- the room within; empty: the room itself
    candidates          text[]      not null,
    until               timestamptz not null,                  -- then the next in turn speaks
    created_at          timestamptz not null default now(),
    member              text,                                  -- who was named
    named_by            uuid,
    primary key (tenant_id, conversation_id, turn, path),
    foreign key (tenant_id, conversation_id) references conversations,
    foreign key (tenant_id, named_by) references users
);

do $$
declare
    name text;
begin
    foreach name in array array['choices', 'waits']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = sec.tenant())
                        with check (tenant_id = sec.tenant())', name);
    end loop;
end
$$;

grant select, insert on choices, waits to app;
grant update (member, named_by) on waits to app;

-- As claim_turn, with the room's history.
create function claim_room_turn(
    tenant uuid, run uuid, step text, attempt integer, lease_seconds double precision,
    context_tokens bigint, context_micros bigint, answer_rate bigint
)
returns table (
    fence bigint, definition jsonb, cast_pinned jsonb, brief text, language text,
    reserved_tokens bigint, reserved_micros bigint, conversation_id uuid,
    documents jsonb, transcript jsonb, steps jsonb,
    began timestamptz, claimed_at timestamptz, history jsonb, named jsonb
)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    c       record;
begin
    select * into c
    from claim_turn(claim_room_turn.tenant, claim_room_turn.run, claim_room_turn.step,
                    claim_room_turn.attempt, claim_room_turn.lease_seconds,
                    claim_room_turn.context_tokens, claim_room_turn.context_micros,
                    claim_room_turn.answer_rate);
    if not found then
        return;
    end if;
    -- A statement of its own: it sees what the claim saw after it had waited for the run's lock.
    return query
        select c.fence, c.definition, c.cast_pinned, c.brief, c.language, c.reserved_tokens,
               c.reserved_micros, c.conversation_id, c.documents, c.transcript, c.steps,
               s.started_at, clock_timestamp(),
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'agent_id', m.agent_id, 'at', m.created_at,
                           'tokens', coalesce(u.input_tokens + u.output_tokens, 0),
                           'micros', coalesce(u.cost_micros, 0),
                           'choice', h.choice, 'tools', coalesce(h.tools, '{}'))
                           order by m.sequence), '[]')
                from messages m
                left join usage u on u.run_id = m.run_id and u.step_id = m.step_id
                    and u.turn = m.sequence and not u.wasted
                left join choices h on h.conversation_id = m.conversation_id
                    and h.sequence = m.sequence
                where m.conversation_id = c.conversation_id),
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'path', w.path, 'member', w.member, 'by', w.named_by)), '[]')
                from waits w
                where w.conversation_id = c.conversation_id and w.turn = s.turns + 1
                  and w.member is not null)
        from steps s
        where s.run_id = claim_room_turn.run and s.id = claim_room_turn.step;
end
$$;

-- As record_turn, with the choice that the event tells.
create function record_chosen_turn(
    tenant uuid, run uuid, step text, fence bigint, turn integer, last boolean,
    input_tokens integer, output_tokens integer, cost_micros bigint,
    reserved_tokens bigint, reserved_micros bigint,
    conversation uuid, agent uuid, agent_version text, speaker text, reason text,
    content text, context jsonb,
    provider text, model text, estimated boolean, calls integer, duration_ms integer,
    document uuid, document_name text, document_content text, document_digest text,
    event jsonb, next text[]
)
returns boolean
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
    if not record_turn(tenant, run, step, fence, turn, last, input_tokens, output_tokens,
                       cost_micros, reserved_tokens, reserved_micros, conversation, agent,
                       agent_version, speaker, reason, content, context, provider, model,
                       estimated, calls, duration_ms, document, document_name, document_content,
                       document_digest, event, next) then
        return false;
    end if;
    if event ? 'selection' then
        insert into choices (conversation_id, sequence, choice)
        values (conversation, turn, event -> 'selection');
    end if;
    return true;
end
$$;

-- A person is waited for: lease and reservation go back, and it is told once. How many seconds it
-- has been since; null when the step is no longer this worker's.
create function wait_in_room(
    tenant uuid, run uuid, step text, fence bigint, reserved_tokens bigint, reserved_micros bigint,
    conversation uuid, turn integer, path text, candidates text[], until timestamptz
)
returns double precision
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    event   bigint;
begin
    perform set_config('app.tenant_id', wait_in_room.tenant::text, true);
    perform 1 from runs r where r.id = wait_in_room.run and r.state = 'running' for no key update;
    if not found then
        return null;
    end if;
    update steps s set lease_until = null, reserved_tokens = 0, reserved_micros = 0
    where s.run_id = wait_in_room.run and s.id = wait_in_room.step
      and s.fence = wait_in_room.fence and s.state = 'running';
    if not found then
        return null;
    end if;
    update runs r
    set reserved_tokens = r.reserved_tokens - wait_in_room.reserved_tokens,
        reserved_micros = r.reserved_micros - wait_in_room.reserved_micros
    where r.id = wait_in_room.run;
    insert into waits (conversation_id, turn, path, candidates, until)
    values (wait_in_room.conversation, wait_in_room.turn, wait_in_room.path,
            wait_in_room.candidates, wait_in_room.until)
    on conflict do nothing;
    if found then
        update runs r set last_event = r.last_event + 1 where r.id = wait_in_room.run
        returning r.last_event into event;
        insert into run_events (run_id, sequence, kind, step_id, data)
        values (wait_in_room.run, event, 'room.waits', wait_in_room.step,
                jsonb_build_object('conversation_id', wait_in_room.conversation,
                                   'turn', wait_in_room.turn, 'path', wait_in_room.path,
                                   'candidates', wait_in_room.candidates,
                                   'until', wait_in_room.until));
    end if;
    return (
        select extract(epoch from clock_timestamp() - w.created_at)
        from waits w
        where w.conversation_id = wait_in_room.conversation and w.turn = wait_in_room.turn
          and w.path = wait_in_room.path
    );
end
$$;

do $$
declare
    name regproc;
begin
    foreach name in array array['claim_room_turn', 'record_chosen_turn', 'wait_in_room']
    loop
        execute format('revoke execute on function %s from public', name::regprocedure);
        execute format('grant execute on function %s to app', name::regprocedure);
    end loop;
end
$$;
