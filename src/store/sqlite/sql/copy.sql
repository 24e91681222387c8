-- Moving everything that a store has into another one (core/store_copy.h).

-- @state
SELECT (SELECT value FROM outlive_meta WHERE name = 'store_id'),
       coalesce((SELECT seq + count - 1 FROM outlive_event_batch ORDER BY seq DESC LIMIT 1), 0),
       coalesce((SELECT last_job FROM outlive_event_batch ORDER BY seq DESC LIMIT 1), 0)

-- @queues
SELECT n.text, q.paused FROM outlive_queue q JOIN outlive_name n ON n.id = q.name ORDER BY n.text

-- Whole jobs after ?1, as they are kept.
-- @jobs
SELECT j.id,
       (SELECT text FROM outlive_name
        WHERE id = (SELECT queue FROM outlive_lane WHERE id = j.lane)),
       (SELECT text FROM outlive_name
        WHERE id = (SELECT kind FROM outlive_lane WHERE id = j.lane)),
       j.priority, j.run_at, j.created_at, j.attempt_max, j.crashes, j.generation,
       j.idempotency_key, j.partition_key, j.traceparent, j.tags, j.retry_policy, j.args,
       CASE WHEN r.job IS NOT NULL THEN 2
            WHEN e.job IS NOT NULL THEN e.state
            WHEN EXISTS (SELECT 1 FROM outlive_blocked WHERE job = j.id) THEN 1
            ELSE 0 END,
       e.ended_at,
       CASE WHEN r.job IS NOT NULL THEN r.attempt
            WHEN e.job IS NOT NULL THEN e.attempt ELSE j.attempt END,
       CASE WHEN r.job IS NOT NULL THEN r.fence
            WHEN e.job IS NOT NULL THEN e.fence ELSE j.fence END,
       CASE WHEN r.job IS NOT NULL THEN r.flags
            WHEN e.job IS NOT NULL THEN e.flags ELSE j.flags END,
       CASE WHEN r.job IS NOT NULL THEN r.started_at
            WHEN e.job IS NOT NULL THEN e.started_at ELSE j.started_at END,
       CASE WHEN r.job IS NOT NULL THEN r.progress
            WHEN e.job IS NOT NULL THEN e.progress ELSE j.progress END,
       CASE WHEN r.job IS NOT NULL THEN r.progress_note
            WHEN e.job IS NOT NULL THEN e.progress_note ELSE j.progress_note END,
       CASE WHEN r.job IS NOT NULL THEN NULL
            WHEN e.job IS NOT NULL THEN e.transition ELSE j.transition END,
       (SELECT name FROM outlive_session WHERE id = r.session),
       (SELECT entries FROM outlive_follow_up WHERE job = j.id),
       (SELECT bytes FROM outlive_checkpoint WHERE job = j.id),
       (SELECT bytes FROM outlive_output WHERE job = j.id)
FROM outlive_job j
LEFT JOIN outlive_running r ON r.job = j.id
LEFT JOIN outlive_ended e ON e.job = j.id
WHERE j.id > ?1
ORDER BY j.id
LIMIT ?2

-- @errors
SELECT attempt, at, code, message FROM outlive_error WHERE job = ?1 ORDER BY number

-- @artifacts
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive_artifact
WHERE job = ?1 ORDER BY number

-- @keys
SELECT hash, args, job, expires_at FROM outlive_key WHERE hash > ?1 ORDER BY hash LIMIT ?2

-- @sessions
SELECT name, expires_at FROM outlive_session s
WHERE expires_at > ?1 OR EXISTS (SELECT 1 FROM outlive_running WHERE session = s.id)
ORDER BY name

-- How far a target is.
-- @filling
SELECT (SELECT value FROM outlive_meta WHERE name = 'copy_of'),
       coalesce((SELECT max(id) FROM outlive_job), 0),
       (SELECT max(hash) FROM outlive_key),
       coalesce((SELECT seq + count - 1 FROM outlive_event_batch ORDER BY seq DESC LIMIT 1), 0)

-- @delete_meta
DELETE FROM outlive_meta WHERE name = ?1

-- @add_session
INSERT OR IGNORE INTO outlive_session (name, expires_at) VALUES (?1, ?2)

-- @add_job
INSERT INTO outlive_job (id, lane, priority, run_at, created_at, attempt_max, attempt, crashes,
                         fence, generation, flags, transition, started_at, progress,
                         progress_note, idempotency_key, partition_key, traceparent, tags,
                         retry_policy, args)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21)

-- @add_pending
INSERT INTO outlive_pending (lane, priority, run_at, job) VALUES (?1, ?2, ?3, ?4)

-- @add_running
INSERT INTO outlive_running (job, lane, session, fence, attempt, started_at, flags,
                             cancel_requested, progress, progress_note)
VALUES (?1, ?2, (SELECT id FROM outlive_session WHERE name = ?3), ?4, ?5, ?6, ?7, ?8, ?9, ?10)

-- @add_ended
INSERT INTO outlive_ended (job, lane, state, ended_at, fence, attempt, started_at, flags,
                           transition, progress, progress_note, error_group)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)

-- @add_completed
INSERT INTO outlive_completed_batch (ended_at, jobs) VALUES (?1, ?2)

-- @add_tag
INSERT OR IGNORE INTO outlive_tag (tag, job) VALUES (?1, ?2)

-- @add_follow_ups
INSERT INTO outlive_follow_up (job, entries) VALUES (?1, ?2)

-- @add_checkpoint
INSERT INTO outlive_checkpoint (job, bytes) VALUES (?1, ?2)

-- @add_output
INSERT INTO outlive_output (job, bytes) VALUES (?1, ?2)

-- @add_error
INSERT INTO outlive_error (job, number, attempt, at, code, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- @add_artifact
INSERT INTO outlive_artifact (id, job, fence, name, media_type, size, sha256, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)

-- @add_key
INSERT INTO outlive_key (expires_at, hash, job, args) VALUES (?1, ?2, ?3, ?4)

-- @add_batch
INSERT INTO outlive_event_batch (seq, at, count, last_job, entries) VALUES (?1, ?2, ?3, 0, ?4)

-- The newest row keeps the greatest id ever given.
-- @set_last_job
UPDATE outlive_event_batch SET last_job = ?1
WHERE seq = (SELECT max(seq) FROM outlive_event_batch)
