-- Sessions, rescue and retention.

-- @add_session
INSERT INTO outlive_session (name, expires_at) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING

-- @renew_session
UPDATE outlive_session SET expires_at = ?2 WHERE name = ?1 AND expires_at > ?3

-- @close_session
UPDATE outlive_session SET expires_at = ?2 WHERE name = ?1 AND expires_at > ?2

-- @expired_session
SELECT 1 FROM outlive_session WHERE expires_at <= ?1 LIMIT 1

-- @lost_jobs
SELECT job, lane, fence, attempt, started_at, flags, cancel_requested, progress, progress_note,
       (SELECT crashes FROM outlive_job WHERE id = outlive_running.job)
FROM outlive_running
WHERE session IN (SELECT id FROM outlive_session WHERE expires_at <= ?1)
ORDER BY job
LIMIT ?2

-- Only those that hold nothing any more.
-- @delete_sessions
DELETE FROM outlive_session
WHERE expires_at <= ?1 AND id NOT IN (SELECT session FROM outlive_running)

-- Cancelled or dead: ?1.
-- @oldest_ended
SELECT job, lane, ended_at, flags FROM outlive_ended
WHERE state <> 3 AND state = ?1 AND ended_at <= ?2
ORDER BY ended_at
LIMIT ?3

-- @next_completed_batch
SELECT number, ended_at, jobs FROM outlive_completed_batch
WHERE number > ?1
ORDER BY number
LIMIT 1

-- Those of a row, ?1, that have stayed as they were at its time, ?2.
-- @still_completed
SELECT e.job, e.lane, e.flags
FROM json_each(?1) entry CROSS JOIN outlive_ended e ON e.job = entry.value
WHERE e.state = 3 AND e.ended_at = ?2

-- @delete_completed_batch
DELETE FROM outlive_completed_batch WHERE number = ?1

-- @delete_keys
DELETE FROM outlive_key WHERE (expires_at, hash) IN
  (SELECT expires_at, hash FROM outlive_key WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)

-- Two, to see whether the oldest is the newest too.
-- @oldest_batch
SELECT seq, at, count, last_job, entries FROM outlive_event_batch ORDER BY seq LIMIT 2

-- @delete_batch
DELETE FROM outlive_event_batch WHERE seq = ?1
