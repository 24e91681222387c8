-- How a transaction begins and ends.

-- @begin
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE

-- @begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- @commit
COMMIT

-- @rollback
ROLLBACK

-- @savepoint
SAVEPOINT outlive_call

-- @release
RELEASE SAVEPOINT outlive_call

-- @undo
ROLLBACK TO SAVEPOINT outlive_call

-- The time of the transaction: the server's, or the host's where it has given one ($1), but never
-- earlier than the newest entry of the log and what was seen before ($2). It is also kept for the
-- transaction's statements, which can so be sent along with this one. Then the server's own time.
-- With $3 a store that is closed for a move is refused (OL001, OL002: see status.cc), and so is all
-- that was sent along.
-- @now
SELECT set_config('outlive_transaction.now',
                  greatest($2::bigint, coalesce($1::bigint, server.now),
                           (SELECT at FROM outlive.event_batch ORDER BY seq DESC LIMIT 1))::text,
                  true)::bigint,
       server.now,
       (SELECT outlive.refuse(CASE name WHEN 'frozen' THEN 'OL001' ELSE 'OL002' END)
        FROM outlive.meta WHERE $3::bigint <> 0 AND name IN ('frozen', 'copy_of')
        ORDER BY name DESC LIMIT 1)
FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS server

-- @configure
SELECT set_config(name, value, $3::bigint <> 0)
FROM unnest($1::text[], $2::text[]) AS setting(name, value)

-- What follows is a name, = and a value. Unlike the above it fixes no snapshot.
-- @set_local
SET LOCAL

-- @lock
SELECT pg_advisory_xact_lock($1::bigint)

-- The lock of the log; once it is there, what hosts' transactions have left gets into the log. What
-- was left while it was waited for may stay for the next one. Looked for by places: an index
-- would lead to rows that are gone, too.
-- @lock_log
SELECT CASE WHEN EXISTS (SELECT FROM outlive.event_inbox WHERE ctid >= '(0,0)')
            THEN outlive.move_inbox() END
FROM (SELECT pg_advisory_xact_lock($1::bigint) OFFSET 0) AS held

-- The same under the lock, whatever was left.
-- @move_inbox
SELECT outlive.move_inbox()

-- @find_lanes
SELECT id, queue, kind FROM outlive.lane
JOIN unnest($1::text[], $2::text[]) AS wanted(queue, kind) USING (queue, kind)

-- @add_lanes
INSERT INTO outlive.lane (queue, kind)
SELECT queue, kind FROM unnest($1::text[], $2::text[]) AS wanted(queue, kind)
ON CONFLICT (queue, kind) DO NOTHING

-- Under the lock of the log. The time is the transaction's, as the jobs' rows have it: of two that
-- overlap, the later one may be first.
-- @log
INSERT INTO outlive.event_batch (seq, at, count, types, jobs, fences)
SELECT coalesce((SELECT seq + count FROM outlive.event_batch ORDER BY seq DESC LIMIT 1), 1),
       current_setting('outlive_transaction.now')::bigint, cardinality($1::smallint[]),
       $1::smallint[], $2::bigint[], $3::bigint[]

-- @log_for_host
INSERT INTO outlive.event_inbox (at, type, job, fence)
SELECT current_setting('outlive_transaction.now')::bigint, type, job, fence
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS e(type, job, fence, n)
ORDER BY n

-- @count
INSERT INTO outlive.lane_count (lane, pending, blocked, running, completed, cancelled, dead)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[])

-- @fold_counts
WITH gone AS (DELETE FROM outlive.lane_count RETURNING *)
INSERT INTO outlive.lane_count (lane, pending, blocked, running, completed, cancelled, dead)
SELECT lane, sum(pending), sum(blocked), sum(running), sum(completed), sum(cancelled), sum(dead)
FROM gone GROUP BY lane
