-- What readers ask for.

-- First in a transaction of several statements that are to see one moment: it waits for whoever is
-- dropping a partition, while a SELECT would wait with the moment before in its eyes.
-- @lock_jobs
LOCK TABLE ONLY outlive.job IN ACCESS SHARE MODE

-- @job
SELECT j.id, n.queue, n.kind, coalesce(e.priority, l.priority), coalesce(e.run_at, l.run_at),
       j.created_at, j.attempt_max, coalesce(e.crashes, l.crashes),
       coalesce(e.generation, l.generation), j.idempotency_key, j.partition_key, j.traceparent,
       j.tags, j.retry_policy, coalesce(e.state, l.state), coalesce(e.attempt, l.attempt),
       coalesce(e.fence, l.fence), coalesce(e.flags, l.flags),
       coalesce(e.started_at, l.started_at), coalesce(e.progress, l.progress),
       coalesce(e.progress_note, l.progress_note), e.ended_at, s.name
FROM outlive.job j
JOIN outlive.lane n ON n.id = j.lane
LEFT JOIN outlive.live l ON l.job = j.id
LEFT JOIN outlive.ended e ON e.job = j.id
LEFT JOIN outlive.session s ON s.id = l.session
WHERE j.id = $1::bigint

-- The same for a page: conditions, order and limit follow.
-- @list
SELECT j.id, n.queue, n.kind, coalesce(e.priority, l.priority), coalesce(e.run_at, l.run_at),
       j.created_at, j.attempt_max, coalesce(e.crashes, l.crashes),
       coalesce(e.generation, l.generation), j.idempotency_key, j.partition_key, j.traceparent,
       j.tags, j.retry_policy, coalesce(e.state, l.state), coalesce(e.attempt, l.attempt),
       coalesce(e.fence, l.fence), coalesce(e.flags, l.flags),
       coalesce(e.started_at, l.started_at), coalesce(e.progress, l.progress),
       coalesce(e.progress_note, l.progress_note), e.ended_at, s.name
FROM outlive.job j
JOIN outlive.lane n ON n.id = j.lane
LEFT JOIN outlive.live l ON l.job = j.id
LEFT JOIN outlive.ended e ON e.job = j.id
LEFT JOIN outlive.session s ON s.id = l.session
WHERE j.id < $1::bigint

-- @payloads
SELECT j.args, c.bytes, o.bytes
FROM outlive.job j
LEFT JOIN outlive.checkpoint c ON c.job = j.id
LEFT JOIN outlive.output o ON o.job = j.id
WHERE j.id = $1::bigint

-- @errors
SELECT attempt, at, code, message FROM outlive.error WHERE job = $1::bigint ORDER BY number

-- @artifacts
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive.artifact
WHERE job = $1::bigint ORDER BY number

-- @artifact
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive.artifact
WHERE id = $1::text

-- @lanes
SELECT n.queue, n.kind, sum(pending)::bigint, sum(blocked)::bigint, sum(running)::bigint,
       sum(completed)::bigint, sum(cancelled)::bigint, sum(dead)::bigint,
       (SELECT min(f.run_at) FROM generate_series(0, 9) AS p(priority)
        CROSS JOIN LATERAL (
          SELECT run_at FROM outlive.live
          WHERE state = 0 AND lane = n.id AND priority = p.priority
          ORDER BY run_at LIMIT 1) f)
FROM outlive.lane n JOIN outlive.lane_count c ON c.lane = n.id
GROUP BY n.id

-- @queues
SELECT name, paused FROM outlive.queue ORDER BY name

-- @events
SELECT b.seq + e.number - 1, b.at, e.type, e.job, e.fence
FROM outlive.event_batch b,
     unnest(b.types, b.jobs, b.fences) WITH ORDINALITY AS e(type, job, fence, number)
WHERE b.seq >= coalesce((SELECT max(seq) FROM outlive.event_batch WHERE seq <= $1::bigint), 0)
  AND b.seq + e.number - 1 >= $1::bigint
ORDER BY b.seq, e.number
LIMIT $2::bigint

-- @last_event
SELECT seq + count - 1 FROM outlive.event_batch ORDER BY seq DESC LIMIT 1

-- @error_groups
SELECT g.error_group, g.count, g.newest, n.kind, e.ended_at, x.code, x.message
FROM (SELECT error_group, count(*) AS count, max(job) AS newest FROM outlive.ended
      WHERE error_group IS NOT NULL GROUP BY error_group
      ORDER BY 2 DESC, 3 DESC LIMIT $1::bigint) g
JOIN outlive.ended e ON e.job = g.newest
JOIN outlive.lane n ON n.id = e.lane
LEFT JOIN LATERAL (
  SELECT code, message FROM outlive.error WHERE job = g.newest ORDER BY number DESC LIMIT 1) x
  ON true
ORDER BY g.count DESC, g.newest DESC

-- @cancel_requests
SELECT l.job FROM outlive.live l JOIN outlive.session s ON s.id = l.session
WHERE s.name = $1::text AND l.state = 2 AND l.flags & 64 <> 0
ORDER BY l.job

-- @can_write
SELECT current_setting('transaction_read_only') = 'off', count(*) FROM outlive.meta

-- @notify
SELECT pg_notify($1::text, $2::text)

-- Whether the log has grown, and whether hosts' transactions have left something.
-- @news
SELECT coalesce((SELECT seq + count - 1 FROM outlive.event_batch ORDER BY seq DESC LIMIT 1), 0),
       EXISTS (SELECT FROM outlive.event_inbox)

-- @gauges
SELECT coalesce(max(n_live_tup), 0), coalesce(max(n_dead_tup), 0),
       (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)) * 1e6, 0)::bigint
        FROM pg_stat_activity WHERE pid <> pg_backend_pid()),
       (SELECT count(*) FROM outlive.event_inbox),
       floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM pg_stat_user_tables WHERE relid = 'outlive.live'::regclass
