-- Ids of jobs for a page of List(), the newest first: before ?1, at most ?2, in lanes ?3 (a JSON
-- array; NULL: all). Each takes the index that has the fewest jobs in it.

-- @all
SELECT id FROM outlive_job WHERE id < ?1 ORDER BY id DESC LIMIT ?2

-- @running
SELECT job FROM outlive_running
WHERE job < ?1 AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3)))
ORDER BY job DESC LIMIT ?2

-- @blocked
SELECT job FROM outlive_blocked
WHERE job < ?1 AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3)))
ORDER BY job DESC LIMIT ?2

-- @ended
SELECT job FROM outlive_ended
WHERE job < ?1 AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3)))
ORDER BY job DESC LIMIT ?2

-- @completed
SELECT job FROM outlive_ended
WHERE job < ?1 AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3))) AND +state = 3
ORDER BY job DESC LIMIT ?2

-- Cancelled or dead: ?4.
-- @rare
SELECT job FROM outlive_ended INDEXED BY outlive_ended_rare
WHERE state <> 3 AND state = ?4 AND job < ?1
  AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3)))
ORDER BY job DESC LIMIT ?2

-- Where most jobs are pending.
-- @pending_by_job
SELECT j.id FROM outlive_job j
WHERE j.id < ?1 AND (?3 IS NULL OR j.lane IN (SELECT value FROM json_each(?3)))
  AND NOT EXISTS (SELECT 1 FROM outlive_ended WHERE job = j.id)
  AND NOT EXISTS (SELECT 1 FROM outlive_running WHERE job = j.id)
  AND NOT EXISTS (SELECT 1 FROM outlive_blocked WHERE job = j.id)
ORDER BY j.id DESC LIMIT ?2

-- Where few jobs are pending.
-- @pending_by_lane
SELECT job FROM outlive_pending
WHERE (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3))) AND job < ?1
ORDER BY job DESC LIMIT ?2

-- Dead of one error: ?4.
-- @by_error
SELECT job FROM outlive_ended
WHERE error_group = ?4 AND job < ?1
  AND (?3 IS NULL OR lane IN (SELECT value FROM json_each(?3)))
ORDER BY job DESC LIMIT ?2

-- With a tag, ?4; in a state, ?5; dead of one error, ?6.
-- @by_tag
SELECT job FROM outlive_tag
WHERE tag = ?4 AND job < ?1
  AND (?3 IS NULL OR (SELECT lane FROM outlive_job WHERE id = outlive_tag.job) IN
                     (SELECT value FROM json_each(?3)))
  AND (?5 IS NULL OR ?5 = CASE
         WHEN EXISTS (SELECT 1 FROM outlive_running WHERE job = outlive_tag.job) THEN 2
         WHEN EXISTS (SELECT 1 FROM outlive_blocked WHERE job = outlive_tag.job) THEN 1
         ELSE coalesce((SELECT state FROM outlive_ended WHERE job = outlive_tag.job), 0) END)
  AND (?6 IS NULL OR ?6 = (SELECT error_group FROM outlive_ended WHERE job = outlive_tag.job))
ORDER BY job DESC LIMIT ?2

-- @counts
SELECT total(pending), total(pending + blocked + running + completed + cancelled + dead)
FROM outlive_lane
WHERE ?1 IS NULL OR id IN (SELECT value FROM json_each(?1))

-- Lanes of a queue ?1 and a kind ?2; NULL: any.
-- @lanes
SELECT json_group_array(l.id), count(*) FROM outlive_lane l
JOIN outlive_name q ON q.id = l.queue
JOIN outlive_name k ON k.id = l.kind
WHERE (?1 IS NULL OR q.text = ?1) AND (?2 IS NULL OR k.text = ?2)
