-- Valid after V0012: a run that goes on from before the first turn of one that failed.

select sec.enter('11111111-1111-5111-8111-111111111111');
insert into runs (id, workflow_id, workflow_version, brief, token_cap, micros_cap, request_digest,
                  started_by, forked_from, forked_step, forked_turn)
select '01900000-0000-7000-8000-000000000081', workflow_id, workflow_version, brief, 2000000, 10000000,
       repeat('8', 64), started_by, id, 'first', 0
from runs where id = '01900000-0000-7000-8000-000000000013';
