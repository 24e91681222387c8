-- Rows that are about to change, and how what has changed is written.
--
-- These statements are planned once, perhaps when a table was empty. So they leave the planner no
-- choice: rows are looked up one by one in LATERAL parts that it cannot turn into joins (FOR UPDATE
-- or OFFSET 0 see to that), and written by their place (ctid) or by ON CONFLICT.

-- @load_live
SELECT l.job, l.lane, n.queue, n.kind, l.state, l.priority, l.run_at, l.attempt, l.crashes,
       l.generation, l.fence, l.flags, l.transition, l.started_at, l.progress, l.progress_note,
       NULL::bigint, j.traceparent, f.entries, e.code, e.message, NULL::text
FROM unnest($1::bigint[]) AS u(job)
CROSS JOIN LATERAL (SELECT * FROM outlive.live WHERE job = u.job FOR UPDATE) l
CROSS JOIN LATERAL (SELECT queue, kind FROM outlive.lane WHERE id = l.lane OFFSET 0) n
CROSS JOIN LATERAL (SELECT traceparent FROM outlive.job WHERE id = l.job OFFSET 0) j
LEFT JOIN LATERAL (
  SELECT entries FROM outlive.follow_up WHERE job = l.job AND l.flags & 1 <> 0 OFFSET 0) f ON true
LEFT JOIN LATERAL (
  SELECT code, message FROM outlive.error WHERE job = l.job AND l.flags & 4 <> 0
  ORDER BY number DESC LIMIT 1) e ON true

-- @load_ended
SELECT l.job, l.lane, n.queue, n.kind, l.state, l.priority, l.run_at, l.attempt, l.crashes,
       l.generation, l.fence, l.flags, l.transition, l.started_at, l.progress, l.progress_note,
       l.ended_at, j.traceparent, f.entries, e.code, e.message, l.error_group
FROM unnest($1::bigint[]) AS u(job)
CROSS JOIN LATERAL (SELECT * FROM outlive.ended WHERE job = u.job FOR UPDATE) l
CROSS JOIN LATERAL (SELECT queue, kind FROM outlive.lane WHERE id = l.lane OFFSET 0) n
CROSS JOIN LATERAL (SELECT traceparent FROM outlive.job WHERE id = l.job OFFSET 0) j
LEFT JOIN LATERAL (
  SELECT entries FROM outlive.follow_up WHERE job = l.job AND l.flags & 1 <> 0 OFFSET 0) f ON true
LEFT JOIN LATERAL (
  SELECT code, message FROM outlive.error WHERE job = l.job AND l.flags & 4 <> 0
  ORDER BY number DESC LIMIT 1) e ON true

-- Completes running jobs of which nothing more has to be known: no output, no follow-ups. One that
-- somebody has changed at this moment is locked, but not seen at its new place, and passed over.
-- @complete
WITH gone AS (
  DELETE FROM outlive.live
  WHERE ctid = ANY (ARRAY(
    SELECT l.ctid
    FROM unnest($1::bigint[], $2::bigint[]) AS f(job, fence)
    CROSS JOIN LATERAL (
      SELECT ctid FROM outlive.live
      WHERE job = f.job AND fence = f.fence AND state + 0 = 2 AND flags & 17 = 0
      FOR UPDATE) l))
  RETURNING *
)
INSERT INTO outlive.ended (job, ended_at, run_at, fence, started_at, progress, lane, priority,
                           state, attempt, crashes, generation, flags, transition, progress_note)
SELECT job, clock.now, run_at, fence, started_at, progress, lane, priority, 3, attempt, crashes,
       generation, flags, $3::bigint, progress_note
FROM gone, (SELECT current_setting('outlive_transaction.now')::bigint AS now OFFSET 0) AS clock
RETURNING job, lane

-- @add_live
INSERT INTO outlive.live (job, lane, state, priority, run_at, attempt, crashes, generation, fence,
                          flags, transition, started_at, progress, progress_note)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                     $11::bigint[], $12::bigint[], $13::float8[], $14::text[])

-- They are there: each conflicts.
-- @change_live
INSERT INTO outlive.live AS l (job, lane, state, priority, run_at, attempt, crashes, generation,
                               fence, flags, transition, started_at, progress, progress_note)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                     $11::bigint[], $12::bigint[], $13::float8[], $14::text[])
ON CONFLICT (job) DO UPDATE
SET state = excluded.state, run_at = excluded.run_at, attempt = excluded.attempt,
    crashes = excluded.crashes, generation = excluded.generation, fence = excluded.fence,
    flags = excluded.flags, transition = excluded.transition, started_at = excluded.started_at,
    progress = excluded.progress, progress_note = excluded.progress_note,
    session = CASE WHEN excluded.state = 2 THEN l.session END

-- @delete_live
DELETE FROM outlive.live WHERE job = ANY($1::bigint[])

-- @delete_ended
DELETE FROM outlive.ended WHERE job = ANY($1::bigint[])

-- @add_ended
INSERT INTO outlive.ended (job, lane, state, priority, run_at, attempt, crashes, generation, fence,
                           flags, transition, started_at, progress, progress_note, ended_at,
                           error_group)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                     $11::bigint[], $12::bigint[], $13::float8[], $14::text[], $15::bigint[],
                     $16::text[])

-- At most one for each job.
-- @add_errors
INSERT INTO outlive.error (job, number, attempt, at, code, message)
SELECT job, coalesce((SELECT max(number) FROM outlive.error WHERE job = e.job), 0) + 1, attempt, at,
       code, message
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
  AS e(job, attempt, at, code, message)

-- Histories that have more than $2 entries: without the one that follows the first $3.
-- @trim_errors
DELETE FROM outlive.error
WHERE ctid = ANY (ARRAY(
  SELECT e.ctid
  FROM unnest($1::bigint[]) AS j(job)
  CROSS JOIN LATERAL (
    SELECT ctid FROM outlive.error
    WHERE job = j.job AND (SELECT count(*) FROM outlive.error WHERE job = j.job) > $2::bigint
    ORDER BY number OFFSET $3::bigint LIMIT 1) e))

-- @put_outputs
INSERT INTO outlive.output AS o (job, bytes) SELECT * FROM unnest($1::bigint[], $2::bytea[])
ON CONFLICT (job) DO UPDATE SET bytes = excluded.bytes

-- @put_checkpoints
INSERT INTO outlive.checkpoint AS c (job, bytes) SELECT * FROM unnest($1::bigint[], $2::bytea[])
ON CONFLICT (job) DO UPDATE SET bytes = excluded.bytes

-- @find_artifacts
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive.artifact
WHERE id = ANY($1::text[])

-- @add_artifact
INSERT INTO outlive.artifact (id, job, fence, name, media_type, size, sha256, created_at)
VALUES ($1::text, $2::bigint, $3::bigint, $4::bytea, $5::bytea, $6::bigint, $7::text, $8::bigint)

-- @delete_jobs
DELETE FROM outlive.job WHERE id = ANY($1::bigint[])

-- @delete_outputs
DELETE FROM outlive.output WHERE job = ANY($1::bigint[])

-- @delete_checkpoints
DELETE FROM outlive.checkpoint WHERE job = ANY($1::bigint[])

-- @delete_follow_ups
DELETE FROM outlive.follow_up WHERE job = ANY($1::bigint[])

-- @delete_errors
DELETE FROM outlive.error WHERE job = ANY($1::bigint[])

-- @delete_artifacts
DELETE FROM outlive.artifact WHERE job = ANY($1::bigint[])

-- @delete_tags
DELETE FROM outlive.tag
WHERE ctid = ANY (ARRAY(
  SELECT t.ctid
  FROM unnest($1::bigint[]) AS u(job)
  CROSS JOIN LATERAL (SELECT tags FROM outlive.job WHERE id = u.job OFFSET 0) j
  CROSS JOIN LATERAL unnest(string_to_array(j.tags, ' ')) AS s(tag)
  CROSS JOIN LATERAL (
    SELECT ctid FROM outlive.tag WHERE tag = s.tag AND job = u.job OFFSET 0) t))
