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

-- @job_to_run
SELECT attempt, attempt_max, crashes, fence, flags, progress, progress_note, retry_policy,
       traceparent, args
FROM outlive_job WHERE id = ?1

-- @add_running
INSERT INTO outlive_running (job, lane, session, fence, attempt, started_at, flags, progress,
                             progress_note)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)

-- @checkpoint
SELECT bytes FROM outlive_checkpoint WHERE job = ?1

-- @session
SELECT id, expires_at FROM outlive_session WHERE name = ?1
