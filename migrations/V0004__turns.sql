-- What happens many times a second, as functions of the database: a run is begun, its steps are
-- scheduled, a turn is claimed and put on record, the run is ended.
--
-- A pooler in transaction mode leaves no prepared statement to its clients, and to plan the
-- statements of a turn costs five times what it costs to run them (3.1 ms against 0.65). The plans
-- of a function stay with the server's connection, whoever's turn it is. Each function enters its
-- tenant, so that one call is one transaction and one round trip; rights and row-level security are
-- the caller's.
--
-- Whoever changes a run or its steps locks the run's row first: so nobody waits in a circle, and
-- each statement after that sees what those before it have committed.
--
-- The settings: a plan for any parameters at once, and no plan that reads a whole table because it
-- was small when the plan was made.

-- The run's steps, in their order, once the run is marked as running; null when it has ended.
create function begin_run(tenant uuid, run uuid)
returns jsonb
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    was     text;
    event   bigint;
begin
    perform set_config('app.tenant_id', begin_run.tenant::text, true);
    select r.state into was from runs r
    where r.id = begin_run.run and r.state in ('queued', 'running')
    for no key update;
    if not found then
        return null;
    end if;
    if was = 'queued' then
        update runs r set state = 'running', started_at = now(), last_event = r.last_event + 1
        where r.id = begin_run.run
        returning r.last_event into event;
        insert into run_events (run_id, sequence, kind) values (begin_run.run, event, 'run.started');
    end if;
    return (
        select jsonb_agg(jsonb_build_object('id', s.id, 'state', s.state, 'kind', s.kind,
                                            'needs', s.needs) order by s.ordinal)
        from steps s
        where s.run_id = begin_run.run
    );
end
$$;

-- Hands out those of these steps that still wait; each is told once.
create function schedule_steps(tenant uuid, run uuid, chosen text[])
returns void
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
    event   bigint;
begin
    perform set_config('app.tenant_id', tenant::text, true);
    select r.last_event into event from runs r
    where r.id = run and r.state = 'running'
    for no key update;
    if not found then
        return;
    end if;
    with picked as (
        update steps s set state = 'scheduled'
        where s.run_id = run and s.id = any (chosen) and s.state = 'pending'
        returning s.id, s.ordinal
    ), told as (
        insert into run_events (run_id, sequence, kind, step_id)
        select run, event + row_number() over (order by p.ordinal), 'step.scheduled', p.id
        from picked p
        returning sequence
    )
    update runs r set last_event = t.last
    from (select max(told.sequence) as last from told) t
    where r.id = run and t.last is not null;
end
$$;

-- Takes the lease of a step, raises its fence, and reserves what a call may cost; nothing when it is
-- not to be had. The fence comes from the clock, so that it grows and never returns: a crash of the
-- server may forget a claim (it is not waited for), but not the worker that holds it.
create function claim_turn(
    tenant uuid, run uuid, step text, attempt integer, lease_seconds double precision,
    context_tokens bigint, context_micros bigint, answer_rate bigint
)
returns table (
    fence bigint, definition jsonb, cast_pinned jsonb, brief text, language text,
    reserved_tokens bigint, reserved_micros bigint, conversation_id uuid,
    documents jsonb, transcript jsonb, steps jsonb
)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    r       record;
    s       record;
    tokens  bigint;
    micros  bigint;
    rank    bigint;
begin
    perform set_config('app.tenant_id', claim_turn.tenant::text, true),
            set_config('synchronous_commit', 'off', true);
    select runs.brief, runs.language, runs.token_cap, runs.micros_cap, runs.reserved_tokens,
           runs.reserved_micros, runs.input_tokens + runs.output_tokens as used, runs.cost_micros
    into r from runs
    where runs.id = claim_turn.run and runs.state = 'running'
    for no key update;
    if not found then
        return;
    end if;
    select steps.definition, steps.cast_pinned, steps.needs, steps.fence, steps.answer_tokens,
           steps.reserved_tokens, steps.reserved_micros
    into s from steps
    where steps.run_id = claim_turn.run and steps.id = claim_turn.step
      and steps.state in ('scheduled', 'running')
      and (steps.lease_until is null or steps.lease_until < now()
           or steps.attempt < claim_turn.attempt);
    if not found then
        return;
    end if;
    tokens := claim_turn.context_tokens + s.answer_tokens;
    micros := claim_turn.context_micros + (s.answer_tokens * claim_turn.answer_rate + 999999) / 1000000;
    if r.used + r.reserved_tokens - s.reserved_tokens + tokens > r.token_cap
       or r.cost_micros + r.reserved_micros - s.reserved_micros + micros > r.micros_cap then
        return;
    end if;
    update runs
    set reserved_tokens = r.reserved_tokens - s.reserved_tokens + tokens,
        reserved_micros = r.reserved_micros - s.reserved_micros + micros
    where runs.id = claim_turn.run;
    rank := greatest(s.fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    update steps
    set state = 'running', attempt = claim_turn.attempt, fence = rank,
        lease_until = now() + make_interval(secs => claim_turn.lease_seconds),
        reserved_tokens = tokens, reserved_micros = micros,
        started_at = coalesce(steps.started_at, now())
    where steps.run_id = claim_turn.run and steps.id = claim_turn.step;
    return query
        select rank, s.definition, s.cast_pinned, r.brief, r.language, tokens, micros, c.id,
               (select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'content', d.content)
                                          order by d.step_id), '[]')
                from documents d
                where d.run_id = claim_turn.run and d.step_id = any (s.needs)),
               (select coalesce(jsonb_agg(jsonb_build_object('name', m.speaker, 'content', m.content)
                                          order by m.sequence), '[]')
                from messages m
                where m.conversation_id = c.id),
               (select jsonb_agg(jsonb_build_object('id', o.id, 'state', o.state, 'kind', o.kind,
                                                    'needs', o.needs) order by o.ordinal)
                from steps o
                where o.run_id = claim_turn.run)
        from conversations c
        where c.run_id = claim_turn.run and c.step_id = claim_turn.step;
end
$$;

-- Puts a turn on record: message, usage, document, events and totals appear together or not at all,
-- and only under the fence of its claim. With a step's last turn the steps that waited for it are
-- handed out. False when the turn is no longer the worker's to write.
create function record_turn(
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
#variable_conflict use_column
declare
    at      bigint;
begin
    perform set_config('app.tenant_id', record_turn.tenant::text, true);
    perform 1 from runs r where r.id = record_turn.run and r.state = 'running' for no key update;
    if not found then
        return false;
    end if;
    update steps s
    set turns = record_turn.turn, lease_until = null, reserved_tokens = 0, reserved_micros = 0,
        state = case when record_turn.last then 'succeeded' else s.state end,
        ended_at = case when record_turn.last then now() end,
        input_tokens = s.input_tokens + record_turn.input_tokens,
        output_tokens = s.output_tokens + record_turn.output_tokens,
        cost_micros = s.cost_micros + coalesce(record_turn.cost_micros, 0)
    where s.run_id = record_turn.run and s.id = record_turn.step and s.fence = record_turn.fence
      and s.state = 'running' and s.turns = record_turn.turn - 1;
    if not found then
        return false;
    end if;
    update runs r
    set reserved_tokens = r.reserved_tokens - record_turn.reserved_tokens,
        reserved_micros = r.reserved_micros - record_turn.reserved_micros,
        input_tokens = r.input_tokens + record_turn.input_tokens,
        output_tokens = r.output_tokens + record_turn.output_tokens,
        cost_micros = r.cost_micros + coalesce(record_turn.cost_micros, 0),
        last_event = r.last_event + 1 + record_turn.last::integer
    where r.id = record_turn.run
    returning r.last_event - record_turn.last::integer into at;
    insert into messages (conversation_id, sequence, run_id, step_id, agent_id, agent_version,
                          speaker, reason, content, context)
    values (record_turn.conversation, record_turn.turn, record_turn.run, record_turn.step,
            record_turn.agent, record_turn.agent_version, record_turn.speaker, record_turn.reason,
            record_turn.content, record_turn.context);
    insert into usage (run_id, step_id, turn, fence, provider, model, input_tokens, output_tokens,
                       estimated, cost_micros, calls, duration_ms)
    values (record_turn.run, record_turn.step, record_turn.turn, record_turn.fence,
            record_turn.provider, record_turn.model, record_turn.input_tokens,
            record_turn.output_tokens, record_turn.estimated, record_turn.cost_micros,
            record_turn.calls, record_turn.duration_ms);
    insert into run_events (run_id, sequence, kind, step_id, data)
    values (record_turn.run, at, 'turn.taken', record_turn.step, record_turn.event);
    if record_turn.document_name is not null then
        insert into documents (id, run_id, step_id, name, content, digest)
        values (record_turn.document, record_turn.run, record_turn.step, record_turn.document_name,
                record_turn.document_content, record_turn.document_digest);
    end if;
    if record_turn.last then
        insert into run_events (run_id, sequence, kind, step_id, data)
        values (record_turn.run, at + 1, 'step.succeeded', record_turn.step,
                jsonb_strip_nulls(jsonb_build_object('document', record_turn.document_name,
                                                     'turns', record_turn.turn)));
        if record_turn.next <> '{}' then
            perform schedule_steps(record_turn.tenant, record_turn.run, record_turn.next);
        end if;
    end if;
    return true;
end
$$;

-- Every way to end a run: only one that has not ended can, and its reservations come back with it.
-- False when it had ended already, or when it should succeed and a step has not.
create function end_run(tenant uuid, run uuid, outcome text, error jsonb, step text)
returns boolean
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    event   bigint;
begin
    perform set_config('app.tenant_id', end_run.tenant::text, true);
    perform 1 from runs r
    where r.id = end_run.run and r.state in ('queued', 'running')
    for no key update;
    if not found or end_run.outcome = 'succeeded' and exists (
        select from steps s where s.run_id = end_run.run and s.state <> 'succeeded'
    ) then
        return false;
    end if;
    update runs r
    set state = end_run.outcome, error = end_run.error, ended_at = now(),
        last_event = r.last_event + 1, reserved_tokens = 0, reserved_micros = 0
    where r.id = end_run.run
    returning r.last_event into event;
    if end_run.outcome <> 'succeeded' then
        update steps s
        set state = case when end_run.outcome = 'failed' and s.id = end_run.step then 'failed'
                         else 'cancelled' end,
            error = case when end_run.outcome = 'failed' and s.id = end_run.step
                         then end_run.error end,
            ended_at = now(), lease_until = null, reserved_tokens = 0, reserved_micros = 0
        where s.run_id = end_run.run and s.state not in ('succeeded', 'failed');
    end if;
    insert into run_events (run_id, sequence, kind, step_id, data)
    values (end_run.run, event, 'run.' || end_run.outcome, end_run.step,
            coalesce(end_run.error, '{}'));
    return true;
end
$$;

do $$
declare
    name regproc;
begin
    foreach name in array array['begin_run', 'schedule_steps', 'claim_turn', 'record_turn', 'end_run']
    loop
        execute format('revoke execute on function %s from public', name::regprocedure);
        execute format('grant execute on function %s to app', name::regprocedure);
    end loop;
end
$$;
