-- What people and workers ask for, beside claiming and finishing.

-- Where a job is. One row, with NULL for the states it is not in.
-- @whereabouts
SELECT j.lane, j.priority, j.run_at, j.attempt, j.fence, j.flags, j.transition, j.started_at,
       j.progress, j.progress_note, r.fence, e.state, e.fence, e.transition, e.flags,
       e.started_at, b.job
FROM outlive_job j
LEFT JOIN outlive_running r ON r.job = j.id
LEFT JOIN outlive_ended e ON e.job = j.id
LEFT JOIN outlive_blocked b ON b.job = j.id
WHERE j.id = ?1

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
