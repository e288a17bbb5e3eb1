-- A run that began where another stood: after a turn of a step, with all that did not hang on it.
alter table runs
    add column forked_from uuid,
    add column forked_step text,
    add column forked_turn integer check (forked_turn >= 0),
    add constraint run_fork foreign key (tenant_id, forked_from) references runs,
    add constraint run_fork_whole check (num_nulls(forked_from, forked_step, forked_turn) in (0, 3));
