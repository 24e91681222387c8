-- What readers ask for.

-- Tables that may be large are looked up one by one, never in a join: statistics of a table that
-- had one row would make SQLite go through all of it.

-- A job without what is long, as it is while it waits.
-- @job
SELECT id, (SELECT text FROM outlive_name
            WHERE id = (SELECT queue FROM outlive_lane WHERE id = outlive_job.lane)),
       (SELECT text FROM outlive_name
        WHERE id = (SELECT kind FROM outlive_lane WHERE id = outlive_job.lane)),
       priority, run_at, created_at, attempt_max, crashes, generation, idempotency_key,
       partition_key, traceparent, tags, retry_policy,
       attempt, fence, flags, started_at, progress, progress_note
FROM outlive_job
WHERE id = ?1

-- @running
SELECT attempt, fence, flags, started_at, progress, progress_note,
       (SELECT name FROM outlive_session WHERE id = outlive_running.session)
FROM outlive_running
WHERE job = ?1

-- @ended
SELECT attempt, fence, flags, started_at, progress, progress_note, state, ended_at
FROM outlive_ended
WHERE job = ?1

-- @blocked
SELECT 1 FROM outlive_blocked WHERE job = ?1

-- @args
SELECT args FROM outlive_job WHERE id = ?1

-- @checkpoint
SELECT bytes FROM outlive_checkpoint WHERE job = ?1

-- @output
SELECT bytes FROM outlive_output WHERE job = ?1

-- @errors
SELECT attempt, at, code, message FROM outlive_error WHERE job = ?1 ORDER BY number

-- @artifacts
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive_artifact
WHERE job = ?1 ORDER BY number

-- @artifact
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive_artifact
WHERE id = ?1

-- @lanes
SELECT l.id, q.text, k.text, l.pending, l.blocked, l.running, l.completed, l.cancelled, l.dead
FROM outlive_lane l
JOIN outlive_name q ON q.id = l.queue
JOIN outlive_name k ON k.id = l.kind

-- The first job of the next priority that the lane has.
-- @first_of_next_priority
SELECT priority, run_at FROM outlive_pending
WHERE lane = ?1 AND priority > ?2
ORDER BY priority, run_at
LIMIT 1

-- @queues
SELECT n.text, q.paused FROM outlive_queue q JOIN outlive_name n ON n.id = q.name ORDER BY n.text

-- The batch that holds entry ?1; the first one, where that entry is gone.
-- @batch_of
SELECT coalesce((SELECT max(seq) FROM outlive_event_batch WHERE seq <= ?1),
                (SELECT min(seq) FROM outlive_event_batch))

-- The next one begins where it ends.
-- @batch
SELECT at, count, entries FROM outlive_event_batch WHERE seq = ?1

-- @newest_batch
SELECT seq + count - 1, at FROM outlive_event_batch ORDER BY seq DESC LIMIT 1

-- @error_groups
SELECT error_group, count(*), max(job) FROM outlive_ended
WHERE error_group IS NOT NULL
GROUP BY error_group
ORDER BY 2 DESC, 3 DESC
LIMIT ?1

-- @group_job
SELECT (SELECT text FROM outlive_name
        WHERE id = (SELECT kind FROM outlive_lane WHERE id = outlive_ended.lane)),
       ended_at,
       (SELECT code FROM outlive_error WHERE job = ?1 ORDER BY number DESC LIMIT 1),
       (SELECT message FROM outlive_error WHERE job = ?1 ORDER BY number DESC LIMIT 1)
FROM outlive_ended
WHERE job = ?1

-- @cancel_requests
SELECT job FROM outlive_running
WHERE session = (SELECT id FROM outlive_session WHERE name = ?1) AND cancel_requested = 1
ORDER BY job

-- @can_read
SELECT count(*) FROM outlive_meta
