-- New jobs.

-- @add_job
INSERT INTO outlive_job (id, lane, priority, run_at, created_at, attempt_max, flags,
                         idempotency_key, partition_key, traceparent, tags, retry_policy, args)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)

-- Jobs that have just been added: those with ids from ?1 to ?2.
-- @add_all_pending
INSERT INTO outlive_pending (lane, priority, run_at, job)
SELECT lane, priority, run_at, id FROM outlive_job WHERE id BETWEEN ?1 AND ?2

-- @add_tag
INSERT OR IGNORE INTO outlive_tag (tag, job) VALUES (?1, ?2)

-- @add_follow_ups
INSERT INTO outlive_follow_up (job, entries) VALUES (?1, ?2)

-- The unique index decides: no row is added where the key is there.
-- @add_key
INSERT INTO outlive_key (expires_at, hash, job, args) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (hash) DO NOTHING

-- @find_key
SELECT expires_at, job, args FROM outlive_key WHERE hash = ?1

-- @delete_key
DELETE FROM outlive_key WHERE hash = ?1

-- @queue_backlog
SELECT total(pending) FROM outlive_lane WHERE queue = ?1
