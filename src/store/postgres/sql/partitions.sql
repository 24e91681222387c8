-- Making and dropping the partitions of outlive.job and outlive.ended (partitions.h). Statements
-- that end where a table's name is missing get it from partitions.cc: it is made of a number.

-- Held to the end of the transaction: whoever has it is the only one who prunes jobs.
-- @turn
SELECT pg_try_advisory_xact_lock(hashtextextended('outlive.partition', 0))

-- @ids
SELECT CASE WHEN is_called THEN last_value ELSE 0 END,
       coalesce((SELECT value::bigint FROM outlive.meta WHERE name = 'partition_job_count_min'), 0)
FROM outlive.job_id

-- Notes what has begun, and what can get no more, at $1.
-- @note
UPDATE outlive.partition
SET opened_at = coalesce(opened_at, $1::bigint),
    filled_at = CASE WHEN past <= ids.taken + 1 THEN coalesce(filled_at, $1::bigint) END
FROM (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS taken FROM outlive.job_id) AS ids
WHERE first <= ids.taken
  AND (opened_at IS NULL OR (filled_at IS NULL AND past <= ids.taken + 1))

-- @all
SELECT first, past, opened_at, filled_at, tried_at FROM outlive.partition ORDER BY first

-- Of each range, and of each kind of end that is over by $3, $4, $5: how many jobs have not ended,
-- how many have, but are to be kept, and when the oldest of the kind has ended. Numbers up to $6.
-- @look
SELECT p.number, k.state,
       (SELECT count(*) FROM (
          SELECT FROM outlive.live WHERE job >= p.first AND job < p.past LIMIT $6::bigint) AS some),
       (SELECT count(*) FROM (
          SELECT FROM outlive.ended
          WHERE state = k.state AND ended_at > k.until AND job >= p.first AND job < p.past
          LIMIT $6::bigint) AS some),
       (SELECT ended_at FROM outlive.ended
        WHERE state = k.state AND job >= p.first AND job < p.past
        ORDER BY ended_at LIMIT 1)
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS p(first, past, number)
CROSS JOIN (VALUES (3, $3::bigint), (4, $4::bigint), (5, $5::bigint)) AS k(state, until)
ORDER BY p.number, k.state

-- Those of DEFAULT, and of the ranges $5 to $6.
-- @oldest_ended
WITH kind AS MATERIALIZED (
  SELECT * FROM (VALUES (3, $1::bigint), (4, $2::bigint), (5, $3::bigint)) AS k(state, until)
), oldest AS MATERIALIZED (
  SELECT * FROM (
    (SELECT e.job, e.ended_at
     FROM kind k
     CROSS JOIN LATERAL (
       SELECT job, ended_at FROM outlive.ended_default
       WHERE state = k.state AND ended_at <= k.until
       ORDER BY ended_at, job LIMIT $4::bigint) e)
    UNION ALL
    (SELECT e.job, e.ended_at
     FROM unnest($5::bigint[], $6::bigint[]) AS r(first, past) CROSS JOIN kind k
     CROSS JOIN LATERAL (
       SELECT job, ended_at FROM outlive.ended
       WHERE state = k.state AND ended_at <= k.until AND job >= r.first AND job < r.past
       ORDER BY ended_at, job LIMIT $4::bigint) e)) AS each
  ORDER BY ended_at, job LIMIT $4::bigint
)
SELECT e.job, e.lane, e.state, e.flags
FROM oldest
CROSS JOIN LATERAL (
  SELECT job, lane, state, flags FROM outlive.ended WHERE job = oldest.job
  FOR UPDATE SKIP LOCKED) e

-- @settings
SELECT current_setting('lock_timeout'), current_setting('enable_seqscan'),
       current_setting('enable_hashjoin')

-- @tried
UPDATE outlive.partition SET tried_at = $2::bigint WHERE first = $1::bigint

-- -- Making ---------------------------------------------------------------------------------------

-- @create
CREATE TABLE

-- @add
INSERT INTO outlive.partition (first, past) VALUES ($1::bigint, $2::bigint)

-- -- Dropping -------------------------------------------------------------------------------------

-- @lock
LOCK TABLE

-- Jobs that stay: they have not ended, or are to be kept. Up to $6.
-- @kept
SELECT job FROM (
  SELECT job FROM outlive.live WHERE job >= $1::bigint AND job < $2::bigint
  UNION ALL
  SELECT job FROM outlive.ended
  WHERE state = 3 AND ended_at > $3::bigint AND job >= $1::bigint AND job < $2::bigint
  UNION ALL
  SELECT job FROM outlive.ended
  WHERE state = 4 AND ended_at > $4::bigint AND job >= $1::bigint AND job < $2::bigint
  UNION ALL
  SELECT job FROM outlive.ended
  WHERE state = 5 AND ended_at > $5::bigint AND job >= $1::bigint AND job < $2::bigint) AS some
LIMIT $6::bigint

-- The others.
-- @count
SELECT lane, state, count(*) FROM

-- What they have left: all of the range but that of $3.
-- @delete_tags
DELETE FROM outlive.tag t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @delete_errors
DELETE FROM outlive.error t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @delete_checkpoints
DELETE FROM outlive.checkpoint t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @delete_outputs
DELETE FROM outlive.output t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @delete_follow_ups
DELETE FROM outlive.follow_up t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @delete_artifacts
DELETE FROM outlive.artifact t
WHERE job >= $1::bigint AND job < $2::bigint
  AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)

-- @detach_job
ALTER TABLE outlive.job DETACH PARTITION

-- @detach_ended
ALTER TABLE outlive.ended DETACH PARTITION

-- Into DEFAULT, which is what has their range now.
-- @keep_job
INSERT INTO outlive.job SELECT * FROM

-- @keep_ended
INSERT INTO outlive.ended SELECT * FROM

-- @drop
DROP TABLE

-- @remove
DELETE FROM outlive.partition WHERE first = $1::bigint
