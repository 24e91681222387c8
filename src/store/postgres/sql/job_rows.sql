-- Rows that are about to change, and how what has changed is written.

-- @load_live
SELECT l.job, l.lane, n.queue, n.kind, l.state, l.priority, l.run_at, l.attempt, l.crashes,
       l.generation, l.fence, l.flags, l.transition, l.started_at, l.progress, l.progress_note,
       NULL::bigint, j.traceparent, f.entries, e.code, e.message, NULL::text
FROM outlive.live l
JOIN outlive.lane n ON n.id = l.lane
JOIN outlive.job j ON j.id = l.job
LEFT JOIN outlive.follow_up f ON f.job = l.job
LEFT JOIN LATERAL (
  SELECT code, message FROM outlive.error WHERE job = l.job ORDER BY number DESC LIMIT 1) e ON true
WHERE l.job = ANY($1::bigint[])
ORDER BY l.job
FOR UPDATE OF l

-- @load_ended
SELECT l.job, l.lane, n.queue, n.kind, l.state, l.priority, l.run_at, l.attempt, l.crashes,
       l.generation, l.fence, l.flags, l.transition, l.started_at, l.progress, l.progress_note,
       l.ended_at, j.traceparent, f.entries, e.code, e.message, l.error_group
FROM outlive.ended l
JOIN outlive.lane n ON n.id = l.lane
JOIN outlive.job j ON j.id = l.job
LEFT JOIN outlive.follow_up f ON f.job = l.job
LEFT JOIN LATERAL (
  SELECT code, message FROM outlive.error WHERE job = l.job ORDER BY number DESC LIMIT 1) e ON true
WHERE l.job = ANY($1::bigint[])
ORDER BY l.job
FOR UPDATE OF l

-- Completes running jobs of which nothing more has to be known: no output, no follow-ups.
-- @complete
WITH gone AS (
  DELETE FROM outlive.live l
  USING unnest($1::bigint[], $2::bigint[]) AS f(job, fence)
  WHERE l.job = f.job AND l.fence = f.fence AND l.state = 2 AND l.flags & 17 = 0
  RETURNING l.*
)
INSERT INTO outlive.ended (job, ended_at, run_at, fence, started_at, progress, lane, priority,
                           state, attempt, crashes, generation, flags, transition, progress_note)
SELECT job, $3::bigint, run_at, fence, started_at, progress, lane, priority, 3, attempt, crashes,
       generation, flags, $4::bigint, progress_note
FROM gone
RETURNING job, lane

-- @change_live
UPDATE outlive.live l
SET state = c.state, run_at = c.run_at, attempt = c.attempt, crashes = c.crashes,
    generation = c.generation, fence = c.fence, flags = c.flags, transition = c.transition,
    started_at = c.started_at, progress = c.progress, progress_note = c.progress_note,
    session = CASE WHEN c.state = 2 THEN l.session END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::float8[], $14::text[])
  AS c(job, lane, state, priority, run_at, attempt, crashes, generation, fence, flags, transition,
       started_at, progress, progress_note)
WHERE l.job = c.job

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
DELETE FROM outlive.error e
USING (
  SELECT j.job, (SELECT number FROM outlive.error WHERE job = j.job
                 ORDER BY number OFFSET $3::bigint LIMIT 1) AS number
  FROM unnest($1::bigint[]) AS j(job)
  WHERE (SELECT count(*) FROM outlive.error WHERE job = j.job) > $2::bigint) t
WHERE e.job = t.job AND e.number = t.number

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
DELETE FROM outlive.tag t
USING outlive.job j
WHERE j.id = ANY($1::bigint[]) AND t.job = j.id AND t.tag = ANY(string_to_array(j.tags, ' '))
