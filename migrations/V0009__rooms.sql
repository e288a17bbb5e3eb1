-- A room decides who speaks by what was said: a claim of its turn brings that along. An agent's step
-- goes on without it.

create function claim_room_turn(
    tenant uuid, run uuid, step text, attempt integer, lease_seconds double precision,
    context_tokens bigint, context_micros bigint, answer_rate bigint
)
returns table (
    fence bigint, definition jsonb, cast_pinned jsonb, brief text, language text,
    reserved_tokens bigint, reserved_micros bigint, conversation_id uuid,
    documents jsonb, transcript jsonb, steps jsonb,
    began timestamptz, claimed_at timestamptz, history jsonb
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
                           'micros', coalesce(u.cost_micros, 0)) order by m.sequence), '[]')
                from messages m
                left join usage u on u.run_id = m.run_id and u.step_id = m.step_id
                    and u.turn = m.sequence and not u.wasted
                where m.conversation_id = c.conversation_id)
        from steps s
        where s.run_id = claim_room_turn.run and s.id = claim_room_turn.step;
end
$$;

revoke execute on function claim_room_turn from public;
grant execute on function claim_room_turn to app;
