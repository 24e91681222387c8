-- Leasing due jobs. Each statement touches the rows it is about and no others.

-- The first job of the next priority that the lane has.
-- @first_of_next_priority
SELECT priority, run_at, job FROM outlive_pending
WHERE lane = ?1 AND priority > ?2
ORDER BY priority, run_at, job
LIMIT 1

-- What comes after a job, in its lane and priority.
-- @next_pending
SELECT run_at, job FROM outlive_pending
WHERE lane = ?1 AND priority = ?2 AND (run_at, job) > (?3, ?4)
ORDER BY run_at, job
LIMIT ?5

-- The three below are about the first jobs of a lane and priority, up to and with one: what a
-- claim takes of them.

-- @jobs_to_run
SELECT j.id, j.attempt, j.attempt_max, j.crashes, j.fence, j.flags, j.retry_policy, j.traceparent,
       j.args
FROM outlive_pending p CROSS JOIN outlive_job j ON j.id = p.job
WHERE p.lane = ?1 AND p.priority = ?2 AND (p.run_at, p.job) <= (?3, ?4)
ORDER BY p.run_at, p.job

-- @add_running
INSERT INTO outlive_running (job, lane, session, fence, attempt, started_at, flags, progress,
                             progress_note)
SELECT j.id, p.lane, ?5, j.fence + 1, j.attempt + 1, ?6, j.flags, j.progress, j.progress_note
FROM outlive_pending p CROSS JOIN outlive_job j ON j.id = p.job
WHERE p.lane = ?1 AND p.priority = ?2 AND (p.run_at, p.job) <= (?3, ?4)

-- @delete_claimed
DELETE FROM outlive_pending
WHERE lane = ?1 AND priority = ?2 AND (run_at, job) <= (?3, ?4)

-- @checkpoint
SELECT bytes FROM outlive_checkpoint WHERE job = ?1

-- @session
SELECT id, expires_at FROM outlive_session WHERE name = ?1
