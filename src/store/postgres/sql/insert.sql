-- New jobs. The time is the one that the statement transaction/now has kept.

-- @take_ids
SELECT nextval('outlive.job_id') FROM generate_series(1, $1::bigint)

-- Due as asked for, but not before now: DueTime() of core/store_rules.h.
-- @add_jobs
WITH clock AS MATERIALIZED (
  SELECT current_setting('outlive_transaction.now')::bigint AS now
), added AS (
  INSERT INTO outlive.job (id, lane, attempt_max, created_at, idempotency_key, partition_key,
                           traceparent, tags, retry_policy, args)
  SELECT id, lane, attempt_max, clock.now, idempotency_key, partition_key, traceparent, tags,
         retry_policy, args
  FROM clock,
       unnest($1::bigint[], $2::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], $9::text[],
              $10::text[], $11::text[], $12::bytea[])
    AS j(id, lane, attempt_max, idempotency_key, partition_key, traceparent, tags, retry_policy,
         args)
)
INSERT INTO outlive.live (job, lane, priority, run_at, flags, state, attempt, crashes, generation,
                          fence)
SELECT job, lane, priority, greatest(run_at, clock.now), flags, 0, 0, 0, 0, 0
FROM clock,
     unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS l(job, lane, priority, run_at, flags)

-- @add_tags
INSERT INTO outlive.tag (tag, job) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT DO NOTHING

-- @add_follow_ups
INSERT INTO outlive.follow_up (job, entries) SELECT * FROM unnest($1::bigint[], $2::text[])

-- For windows of so many microseconds from now on. The unique index decides: what is not returned
-- belongs to a job that was there before.
-- @take_keys
INSERT INTO outlive.key AS k (hash, args, job, expires_at)
SELECT hash, args, job, clock.now + time_window
FROM (SELECT current_setting('outlive_transaction.now')::bigint AS now OFFSET 0) AS clock,
     unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS n(hash, args, job, time_window)
ON CONFLICT (hash) DO UPDATE
SET args = excluded.args, job = excluded.job, expires_at = excluded.expires_at
WHERE k.expires_at <= current_setting('outlive_transaction.now')::bigint
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
