-- New jobs.

-- @take_ids
SELECT nextval('outlive.job_id') FROM generate_series(1, $1::bigint)

-- @add_jobs
INSERT INTO outlive.job (id, lane, attempt_max, created_at, idempotency_key, partition_key,
                         traceparent, tags, retry_policy, args)
SELECT id, lane, attempt_max, $1::bigint, idempotency_key, partition_key, traceparent, tags,
       retry_policy, args
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[],
            $8::text[], $9::text[], $10::bytea[])
  AS j(id, lane, attempt_max, idempotency_key, partition_key, traceparent, tags, retry_policy, args)

-- @add_live
INSERT INTO outlive.live (job, lane, state, priority, run_at, attempt, crashes, generation, fence,
                          flags, transition, started_at, progress, progress_note)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                     $11::bigint[], $12::bigint[], $13::float8[], $14::text[])

-- @add_tags
INSERT INTO outlive.tag (tag, job) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT DO NOTHING

-- @add_follow_ups
INSERT INTO outlive.follow_up (job, entries) SELECT * FROM unnest($1::bigint[], $2::text[])

-- The unique index decides: what is not returned belongs to a job that was there before.
-- @take_keys
INSERT INTO outlive.key AS k (hash, args, job, expires_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
ON CONFLICT (hash) DO UPDATE
SET args = excluded.args, job = excluded.job, expires_at = excluded.expires_at
WHERE k.expires_at <= $5::bigint
RETURNING hash

-- @find_keys
SELECT hash, args, job FROM outlive.key WHERE hash = ANY($1::uuid[])

-- @give_keys_back
DELETE FROM outlive.key WHERE hash = ANY($1::uuid[])

-- @backlog
SELECT queue, sum(pending)::bigint
FROM outlive.lane JOIN outlive.lane_count ON lane_count.lane = lane.id
WHERE queue = ANY($1::text[])
GROUP BY queue
