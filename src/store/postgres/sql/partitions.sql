-- Making and dropping the partitions of outlive.job and outlive.ended, and what is done with one of
-- them (partitions.h). Statements that end in the middle get the rest from partitions.cc: the names
-- of tables, which are made of a number, and what belongs to them. Asked of the table of a
-- partition, there is one index to go by, and it has the right order.

-- Held to the end of the transaction: whoever has it is the only one who prunes.
-- @turn
SELECT pg_try_advisory_xact_lock(hashtextextended('outlive.partition', 0))

-- @ids
SELECT CASE WHEN is_called THEN last_value ELSE 0 END,
       coalesce((SELECT value::bigint FROM outlive.meta WHERE name = 'partition_job_count_min'), 0)
FROM outlive.job_id

-- Notes what has begun, and what can get no more, at $1: the newest id is $2.
-- @note
UPDATE outlive.partition
SET opened_at = coalesce(opened_at, $1::bigint),
    filled_at = CASE WHEN past <= $2::bigint + 1 THEN coalesce(filled_at, $1::bigint) END
WHERE first <= $2::bigint
  AND (opened_at IS NULL OR (filled_at IS NULL AND past <= $2::bigint + 1))

-- @all
SELECT first, past, opened_at, filled_at FROM outlive.partition ORDER BY first

-- When nothing came of the last try to make and to drop one; and how large DEFAULT is, which is
-- looked through when one is made.
-- @tries
SELECT (SELECT last_value FROM outlive.make_tried_at),
       (SELECT last_value FROM outlive.drop_tried_at),
       greatest(pg_relation_size('outlive.job_default'), pg_relation_size('outlive.ended_default'))

-- Of one partition: how many jobs have not ended; and of each kind of end, how many are to be kept
-- and when the oldest has ended.
-- @look
SELECT (SELECT count(*) FROM (
          SELECT FROM outlive.live WHERE job >= $1::bigint AND job < $2::bigint
          LIMIT $6::bigint) AS few)

-- The oldest ends: of each table and kind the first, and of these the first.
-- @oldest_ended
SELECT job FROM

-- Those that nobody has sent back to work since.
-- @take_ended
SELECT e.job, e.lane, e.state, e.flags
FROM unnest($1::bigint[]) AS u(job)
CROSS JOIN LATERAL (
  SELECT job, lane, state, flags FROM outlive.ended
  WHERE job = u.job
    AND ended_at <= CASE state WHEN 3 THEN $2::bigint WHEN 4 THEN $3::bigint ELSE $4::bigint END
  FOR UPDATE SKIP LOCKED) e

-- @settings
SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),
       current_setting('enable_seqscan'), current_setting('enable_hashjoin'),
       current_setting('jit')

-- Not undone with the transaction.
-- @note_make
SELECT setval('outlive.make_tried_at', $1::bigint)

-- @note_drop
SELECT setval('outlive.drop_tried_at', $1::bigint)

-- -- Making ---------------------------------------------------------------------------------------

-- @create
CREATE TABLE

-- @add
INSERT INTO outlive.partition (first, past) VALUES ($1::bigint, $2::bigint)

-- -- Dropping -------------------------------------------------------------------------------------

-- @lock
LOCK TABLE

-- Jobs that stay: they have not ended, or are to be kept.
-- @kept
SELECT job FROM

-- The others, of a part of it, and what they have left.
-- @count
SELECT lane, state, count(*), bit_or(flags) FROM

-- What they have left: all of the range but that of $3. Tags are not in the order of jobs, but a
-- job knows its own.
-- @delete_tags
DELETE FROM outlive.tag
WHERE ctid = ANY (ARRAY(
  SELECT t.ctid
  FROM (SELECT id, tags FROM outlive.job j
        WHERE id >= $1::bigint AND id < $2::bigint AND tags IS NOT NULL
          AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = j.id)
        OFFSET 0) j
  CROSS JOIN LATERAL unnest(string_to_array(j.tags, ' ')) AS s(tag)
  CROSS JOIN LATERAL (
    SELECT ctid FROM outlive.tag WHERE tag = s.tag AND job = j.id OFFSET 0) t))

-- @delete_left
DELETE FROM

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
