-- What is kept of a job that can be sealed, and sealed anew.

-- The next job after ?1.
-- @next_job
SELECT j.id, j.args, c.bytes, o.bytes, f.entries
FROM outlive_job j
LEFT JOIN outlive_checkpoint c ON c.job = j.id
LEFT JOIN outlive_output o ON o.job = j.id
LEFT JOIN outlive_follow_up f ON f.job = j.id
WHERE j.id > ?1
ORDER BY j.id
LIMIT 1

-- @set_args
UPDATE outlive_job SET args = ?2 WHERE id = ?1

-- @set_checkpoint
UPDATE outlive_checkpoint SET bytes = ?2 WHERE job = ?1

-- @set_output
UPDATE outlive_output SET bytes = ?2 WHERE job = ?1

-- @set_follow_ups
UPDATE outlive_follow_up SET entries = ?2 WHERE job = ?1
