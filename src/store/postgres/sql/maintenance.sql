-- Sessions, rescue, retention, queues, sealing anew. How they are written: see job_rows.sql.

-- @open_session
INSERT INTO outlive.session (name, expires_at) VALUES ($1::text, $2::bigint)
ON CONFLICT (name) DO NOTHING RETURNING id

-- @renew_session
UPDATE outlive.session SET expires_at = $2::bigint
WHERE name = $1::text AND expires_at > $3::bigint RETURNING id

-- @close_session
UPDATE outlive.session SET expires_at = $2::bigint
WHERE name = $1::text AND expires_at > $2::bigint

-- Those that nobody is just renewing or claiming for.
-- @expired_sessions
SELECT id FROM outlive.session WHERE expires_at <= $1::bigint FOR UPDATE SKIP LOCKED

-- @lost_jobs
SELECT job FROM outlive.live
WHERE state = 2 AND session = ANY($1::bigint[])
ORDER BY job LIMIT $2::bigint FOR UPDATE SKIP LOCKED

-- Only those that hold nothing any more.
-- @delete_sessions
DELETE FROM outlive.session s
WHERE id = ANY($1::bigint[])
  AND NOT EXISTS (SELECT FROM outlive.live WHERE state = 2 AND session = s.id)

-- @delete_keys
DELETE FROM outlive.key
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM outlive.key WHERE expires_at <= $1::bigint
  ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED))
RETURNING 1

-- @old_batches
SELECT seq, at, cardinality(types), seq = (SELECT max(seq) FROM outlive.event_batch)
FROM outlive.event_batch
ORDER BY seq LIMIT $1::bigint

-- @delete_batches
DELETE FROM outlive.event_batch WHERE seq = ANY($1::bigint[])

-- Without its first entries; where that is all of them, it still says which number comes next.
-- @cut_batch
UPDATE outlive.event_batch
SET seq = seq + least($2::bigint, count - 1), count = greatest(count - $2::bigint, 1),
    types = types[$2::bigint + 1:], jobs = jobs[$2::bigint + 1:], fences = fences[$2::bigint + 1:]
WHERE seq = $1::bigint

-- @set_queue
INSERT INTO outlive.queue (name, paused) VALUES ($1::text, $2::bigint <> 0)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused

-- @next_payloads
SELECT j.id, j.args, c.bytes, o.bytes, f.entries
FROM outlive.job j
LEFT JOIN outlive.checkpoint c ON c.job = j.id
LEFT JOIN outlive.output o ON o.job = j.id
LEFT JOIN outlive.follow_up f ON f.job = j.id
WHERE j.id > $1::bigint
ORDER BY j.id LIMIT $2::bigint

-- Those that have not been written since they were read.
-- @set_args
UPDATE outlive.job SET args = $2::bytea WHERE id = $1::bigint AND args = $3::bytea

-- @set_checkpoint
UPDATE outlive.checkpoint SET bytes = $2::bytea WHERE job = $1::bigint AND bytes = $3::bytea

-- @set_output
UPDATE outlive.output SET bytes = $2::bytea WHERE job = $1::bigint AND bytes = $3::bytea

-- @set_follow_ups
UPDATE outlive.follow_up SET entries = $2::text WHERE job = $1::bigint AND entries = $3::text
