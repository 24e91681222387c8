-- What readers ask for.

-- A job without what is long. NULL for the states it is not in.
-- @job
SELECT j.id, q.text, k.text, j.priority, j.run_at, j.created_at, j.attempt_max, j.crashes,
       j.generation, j.idempotency_key, j.partition_key, j.traceparent, j.tags, j.retry_policy,
       j.attempt, j.fence, j.flags, j.started_at, j.progress, j.progress_note,
       r.attempt, r.fence, r.flags, r.started_at, r.progress, r.progress_note,
       e.attempt, e.fence, e.flags, e.started_at, e.progress, e.progress_note,
       e.state, e.ended_at, s.name, b.job
FROM outlive_job j
JOIN outlive_lane l ON l.id = j.lane
JOIN outlive_name q ON q.id = l.queue
JOIN outlive_name k ON k.id = l.kind
LEFT JOIN outlive_running r ON r.job = j.id
LEFT JOIN outlive_session s ON s.id = r.session
LEFT JOIN outlive_ended e ON e.job = j.id
LEFT JOIN outlive_blocked b ON b.job = j.id
WHERE j.id = ?1

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

-- The batches that hold entries after ?1.
-- @batches
SELECT seq, at, entries FROM outlive_event_batch
WHERE seq >= coalesce((SELECT max(seq) FROM outlive_event_batch WHERE seq <= ?1), 0)
ORDER BY seq

-- @newest_batch
SELECT seq + count - 1, at FROM outlive_event_batch ORDER BY seq DESC LIMIT 1

-- @error_groups
SELECT error_group, count(*), max(job) FROM outlive_ended
WHERE error_group IS NOT NULL
GROUP BY error_group
ORDER BY 2 DESC, 3 DESC
LIMIT ?1

-- @group_job
SELECT k.text, e.ended_at, x.code, x.message
FROM outlive_ended e
JOIN outlive_lane l ON l.id = e.lane
JOIN outlive_name k ON k.id = l.kind
LEFT JOIN outlive_error x ON x.job = e.job
WHERE e.job = ?1
ORDER BY x.number DESC
LIMIT 1

-- @cancel_requests
SELECT job FROM outlive_running
WHERE session = (SELECT id FROM outlive_session WHERE name = ?1) AND cancel_requested = 1
ORDER BY job

-- @can_read
SELECT count(*) FROM outlive_meta
