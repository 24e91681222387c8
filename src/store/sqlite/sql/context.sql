-- What every write transaction reads first and writes last, and the dictionaries. (sql_text.h
-- says how these files are read.)

-- @foreign_version
PRAGMA data_version

-- @take_write_lock
UPDATE outlive_meta SET value = value WHERE name = ''

-- @newest_batch
SELECT seq, at, count, last_job FROM outlive_event_batch ORDER BY seq DESC LIMIT 1

-- Takes the place of the row that Prune() has left of the newest batch.
-- @add_batch
INSERT OR REPLACE INTO outlive_event_batch (seq, at, count, last_job, entries)
VALUES (?1, ?2, ?3, ?4, ?5)

-- @add_completed_batch
INSERT INTO outlive_completed_batch (ended_at, jobs) VALUES (?1, ?2)

-- @meta
SELECT value FROM outlive_meta WHERE name = ?1

-- @set_meta
INSERT INTO outlive_meta (name, value) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- @find_name
SELECT id FROM outlive_name WHERE text = ?1

-- @name_text
SELECT text FROM outlive_name WHERE id = ?1

-- @add_name
INSERT INTO outlive_name (text) VALUES (?1)

-- @find_lane
SELECT id FROM outlive_lane WHERE queue = ?1 AND kind = ?2

-- @lane_names
SELECT queue, kind FROM outlive_lane WHERE id = ?1

-- @add_lane
INSERT INTO outlive_lane (queue, kind) VALUES (?1, ?2)

-- In no order.
-- @new_lanes
SELECT id, queue, (SELECT text FROM outlive_name WHERE id = outlive_lane.queue),
       kind, (SELECT text FROM outlive_name WHERE id = outlive_lane.kind)
FROM outlive_lane
WHERE id > ?1

-- @count
UPDATE outlive_lane
SET pending = pending + ?2, blocked = blocked + ?3, running = running + ?4,
    completed = completed + ?5, cancelled = cancelled + ?6, dead = dead + ?7
WHERE id = ?1

-- @paused_queues
SELECT name FROM outlive_queue WHERE paused <> 0

-- @set_queue
INSERT INTO outlive_queue (name, paused) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
