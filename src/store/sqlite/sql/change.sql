-- What people and workers ask for, beside claiming and finishing.

-- Where a job is. One row, with NULL for the states it is not in. Each table is looked up by a
-- query of its own: in a join, statistics of a table that had one row would make SQLite go through
-- all of it.
-- @whereabouts
SELECT lane, priority, run_at, attempt, fence, flags, transition, started_at, progress,
       progress_note,
       (SELECT fence FROM outlive_running WHERE job = ?1),
       (SELECT state FROM outlive_ended WHERE job = ?1),
       (SELECT fence FROM outlive_ended WHERE job = ?1),
       (SELECT transition FROM outlive_ended WHERE job = ?1),
       (SELECT flags FROM outlive_ended WHERE job = ?1),
       (SELECT started_at FROM outlive_ended WHERE job = ?1),
       (SELECT job FROM outlive_blocked WHERE job = ?1)
FROM outlive_job
WHERE id = ?1

-- @set_flags
UPDATE outlive_running SET flags = ?2 WHERE job = ?1

-- @request_cancel
UPDATE outlive_running SET flags = ?2, cancel_requested = 1 WHERE job = ?1

-- @set_progress
UPDATE outlive_running SET progress = ?2, progress_note = ?3 WHERE job = ?1

-- @put_checkpoint
INSERT OR REPLACE INTO outlive_checkpoint (job, bytes) VALUES (?1, ?2)

-- @artifact
SELECT id, job, fence, name, media_type, size, sha256, created_at FROM outlive_artifact
WHERE id = ?1

-- @add_artifact
INSERT INTO outlive_artifact (id, job, fence, name, media_type, size, sha256, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
