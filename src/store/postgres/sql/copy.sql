-- Moving everything that a store has into another one (core/store_copy.h).

-- What a store is closed for. A transaction that has read it keeps this lock to its end, so that
-- closing waits for whoever was let in before.
-- @lock_meta
LOCK TABLE outlive.meta IN ACCESS EXCLUSIVE MODE

-- @set_meta
INSERT INTO outlive.meta (name, value) VALUES ($1::text, $2::text)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- @delete_meta
DELETE FROM outlive.meta WHERE name = $1::text

-- @state
SELECT (SELECT value FROM outlive.meta WHERE name = 'store_id'),
       coalesce((SELECT seq + count - 1 FROM outlive.event_batch ORDER BY seq DESC LIMIT 1), 0),
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outlive.job_id)

-- @queues
SELECT name, paused FROM outlive.queue ORDER BY name

-- Whole jobs after $1, as they are kept: at most $2, and not many more than $3 bytes.
-- @jobs
WITH page AS MATERIALIZED (
  SELECT id FROM outlive.job WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint
), sized AS MATERIALIZED (
  SELECT p.id, sum(octet_length(j.args) + coalesce(octet_length(c.bytes), 0)
                   + coalesce(octet_length(o.bytes), 0)) OVER (
           ORDER BY p.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM page p
  JOIN outlive.job j ON j.id = p.id
  LEFT JOIN outlive.checkpoint c ON c.job = p.id
  LEFT JOIN outlive.output o ON o.job = p.id
)
SELECT j.id, n.queue, n.kind, coalesce(l.priority, e.priority), coalesce(l.run_at, e.run_at),
       j.created_at, j.attempt_max, coalesce(l.crashes, e.crashes),
       coalesce(l.generation, e.generation), j.idempotency_key, j.partition_key, j.traceparent,
       j.tags, j.retry_policy, j.args, coalesce(l.state, e.state), e.ended_at,
       coalesce(l.attempt, e.attempt), coalesce(l.fence, e.fence), coalesce(l.flags, e.flags),
       coalesce(l.started_at, e.started_at), coalesce(l.progress, e.progress),
       coalesce(l.progress_note, e.progress_note), coalesce(l.transition, e.transition), s.name,
       f.entries, c.bytes, o.bytes
FROM sized
JOIN outlive.job j ON j.id = sized.id
JOIN outlive.lane n ON n.id = j.lane
LEFT JOIN outlive.live l ON l.job = j.id
LEFT JOIN outlive.ended e ON e.job = j.id
LEFT JOIN outlive.session s ON s.id = l.session
LEFT JOIN outlive.follow_up f ON f.job = j.id
LEFT JOIN outlive.checkpoint c ON c.job = j.id
LEFT JOIN outlive.output o ON o.job = j.id
WHERE coalesce(sized.before, 0) < $3::bigint
ORDER BY j.id

-- @errors
SELECT job, attempt, at, code, message FROM outlive.error
WHERE job = ANY($1::bigint[]) ORDER BY job, number

-- @artifacts
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive.artifact
WHERE job = ANY($1::bigint[]) ORDER BY job, number

-- @keys
SELECT hash, args, job, expires_at FROM outlive.key
WHERE hash > ($1::uuid[])[1] OR cardinality($1::uuid[]) = 0
ORDER BY hash LIMIT $2::bigint

-- @sessions
SELECT name, expires_at FROM outlive.session s
WHERE expires_at > $1::bigint
   OR EXISTS (SELECT FROM outlive.live WHERE session = s.id AND state = 2)
ORDER BY name

-- How far a target is.
-- @filling
SELECT (SELECT value FROM outlive.meta WHERE name = 'copy_of'),
       coalesce((SELECT max(id) FROM outlive.job), 0),
       (SELECT hash FROM outlive.key ORDER BY hash DESC LIMIT 1),
       coalesce((SELECT seq + count - 1 FROM outlive.event_batch ORDER BY seq DESC LIMIT 1), 0)

-- @add_sessions
INSERT INTO outlive.session (name, expires_at) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (name) DO NOTHING

-- @add_jobs
INSERT INTO outlive.job (id, lane, attempt_max, created_at, idempotency_key, partition_key,
                         traceparent, tags, retry_policy, args)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[],
                     $6::bytea[], $7::text[], $8::text[], $9::text[], $10::bytea[])

-- @set_sessions
UPDATE outlive.live l SET session = s.id
FROM unnest($1::bigint[], $2::text[]) AS r(job, name) JOIN outlive.session s ON s.name = r.name
WHERE l.job = r.job

-- @add_errors
INSERT INTO outlive.error (job, number, attempt, at, code, message)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::text[])

-- @add_keys
INSERT INTO outlive.key (hash, args, job, expires_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])

-- @add_batch
INSERT INTO outlive.event_batch (seq, at, count, types, jobs, fences)
VALUES ($1::bigint, $2::bigint, $3::bigint, $4::smallint[], $5::bigint[], $6::bigint[])

-- @adopt_last_job
SELECT setval('outlive.job_id', $1::bigint)
