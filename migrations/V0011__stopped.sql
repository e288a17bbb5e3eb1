-- A run that a cap or a switch stops has a state of its own, and what a run held in DynamoDB is
-- looked after when it has ended.

alter table runs drop constraint runs_state_check;
alter table runs add constraint runs_state_check
    check (state in ('queued', 'running', 'succeeded', 'failed', 'stopped', 'cancelled'));

alter table outbox drop constraint outbox_topic_check;
alter table outbox add constraint outbox_topic_check
    check (topic in ('run.start', 'run.stop', 'spend.settle'));

-- As before, and: a stopped run ends as a failed one does, but no step of it has failed; and every
-- end is followed by a message, due when no worker of the run can be alive any more.
create or replace function end_run(tenant uuid, run uuid, outcome text, error jsonb, step text)
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
            error = case when end_run.outcome in ('failed', 'stopped') and s.id = end_run.step
                         then end_run.error end,
            ended_at = now(), lease_until = null, reserved_tokens = 0, reserved_micros = 0
        where s.run_id = end_run.run and s.state not in ('succeeded', 'failed');
    end if;
    insert into run_events (run_id, sequence, kind, step_id, data)
    values (end_run.run, event, 'run.' || end_run.outcome, end_run.step,
            coalesce(end_run.error, '{}'));
    insert into outbox (id, topic, subject, created_at)
    values (gen_random_uuid(), 'spend.settle', end_run.run, now() + interval '5 minutes');
    return true;
end
$$;
