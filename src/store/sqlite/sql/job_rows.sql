-- Moving a job from one state to another, and what it leaves behind.

-- @running
SELECT lane, fence, attempt, started_at, flags, cancel_requested, progress, progress_note
FROM outlive_running WHERE job = ?1

-- Of the jobs in a JSON array, in its order.
-- @running_of
SELECT r.job, r.lane, r.fence, r.flags
FROM json_each(?1) entry CROSS JOIN outlive_running r ON r.job = entry.value

-- Completes those of a JSON array, at ?2, by a transition, ?3.
-- @add_completed
INSERT INTO outlive_ended (job, lane, state, ended_at, fence, attempt, started_at, flags,
                           transition, progress, progress_note)
SELECT r.job, r.lane, 3, ?2, r.fence, r.attempt, r.started_at, r.flags, ?3, r.progress,
       r.progress_note
FROM json_each(?1) entry CROSS JOIN outlive_running r ON r.job = entry.value

-- @delete_completed
DELETE FROM outlive_running WHERE job IN (SELECT value FROM json_each(?1))

-- @delete_running
DELETE FROM outlive_running WHERE job = ?1

-- @add_pending
INSERT INTO outlive_pending (lane, priority, run_at, job) VALUES (?1, ?2, ?3, ?4)

-- @delete_pending
DELETE FROM outlive_pending WHERE lane = ?1 AND priority = ?2 AND run_at = ?3 AND job = ?4

-- @add_ended
INSERT INTO outlive_ended (job, lane, state, ended_at, fence, attempt, started_at, flags,
                           transition, progress, progress_note, error_group)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)

-- @delete_ended
DELETE FROM outlive_ended WHERE job = ?1

-- @delete_blocked
DELETE FROM outlive_blocked WHERE job = ?1

-- What an attempt hands on to the next one. No new run_at: it keeps the old one.
-- @rest_job
UPDATE outlive_job
SET run_at = coalesce(?2, run_at), attempt = ?3, crashes = crashes + ?4, fence = ?5, flags = ?6,
    transition = ?7, started_at = ?8, progress = ?9, progress_note = ?10
WHERE id = ?1
RETURNING priority, run_at

-- @requeue_job
UPDATE outlive_job
SET run_at = ?2, attempt = 0, crashes = 0, fence = ?3, generation = generation + 1, flags = ?4,
    transition = NULL, started_at = ?5, progress = NULL, progress_note = NULL
WHERE id = ?1
RETURNING priority

-- @add_crash
UPDATE outlive_job SET crashes = crashes + 1 WHERE id = ?1 RETURNING crashes

-- @put_output
INSERT OR REPLACE INTO outlive_output (job, bytes) VALUES (?1, ?2)

-- @delete_output
DELETE FROM outlive_output WHERE job = ?1

-- @last_error
SELECT number, attempt, at, code, message FROM outlive_error
WHERE job = ?1 ORDER BY number DESC LIMIT 1

-- @add_error
INSERT INTO outlive_error (job, number, attempt, at, code, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- The oldest but ?2 of a history.
-- @trim_errors
DELETE FROM outlive_error
WHERE job = ?1
  AND number = (SELECT number FROM outlive_error WHERE job = ?1 ORDER BY number LIMIT 1 OFFSET ?2)

-- @error_count
SELECT count(*) FROM outlive_error WHERE job = ?1

-- No join: see "whereabouts".
-- @follow_ups
SELECT entries, (SELECT generation FROM outlive_job WHERE id = ?1),
       (SELECT traceparent FROM outlive_job WHERE id = ?1)
FROM outlive_follow_up
WHERE job = ?1

-- @job_tags
SELECT tags FROM outlive_job WHERE id = ?1

-- @delete_job
DELETE FROM outlive_job WHERE id = ?1

-- @delete_tag
DELETE FROM outlive_tag WHERE tag = ?1 AND job = ?2

-- @delete_follow_ups
DELETE FROM outlive_follow_up WHERE job = ?1

-- @delete_errors
DELETE FROM outlive_error WHERE job = ?1

-- @delete_checkpoint
DELETE FROM outlive_checkpoint WHERE job = ?1

-- @delete_artifacts
DELETE FROM outlive_artifact WHERE job = ?1
