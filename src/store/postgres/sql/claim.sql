-- Leasing due jobs. How they are looked up and written: see job_rows.sql. The time is the one that
-- the statement transaction/now has kept.

-- Held against Rescue(), which deletes sessions: a renewal does not wait for it.
-- @session
SELECT expires_at FROM outlive.session WHERE name = $1::text FOR KEY SHARE

-- Of one queue, from the floors on where there are any (claim_floors.h): where the first $3 jobs
-- are is seen without locks, then as many of each lane and priority are locked, passing over those
-- that somebody else is just taking. The first column says how many are due, up to one more than
-- $3, and the last one, in the last row, how many microseconds it took; those between them are null
-- where none is taken.
--
-- What lies before the first due job may be a long row of entries whose jobs are gone. It is gone
-- through once.
-- @claim
WITH clock AS MATERIALIZED (
  SELECT current_setting('outlive_transaction.now')::bigint AS now
), asked AS MATERIALIZED (
  SELECT l.id AS lane, k.number
  FROM unnest($2::text[]) WITH ORDINALITY AS k(kind, number)
  JOIN outlive.lane l ON l.queue = $1::text AND l.kind = k.kind
  WHERE NOT EXISTS (SELECT FROM outlive.queue q WHERE q.name = $1::text AND q.paused)
), part AS MATERIALIZED (
  SELECT a.lane, p.priority, coalesce(f.run_at, 0) AS run_at, coalesce(f.job, 0) AS job
  FROM asked a CROSS JOIN generate_series(0, 9) AS p(priority)
  LEFT JOIN unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS f(lane, priority, run_at, job) ON f.lane = a.lane AND f.priority = p.priority
), found AS MATERIALIZED (
  SELECT part.lane, part.priority, d.run_at, d.job
  FROM part
  CROSS JOIN LATERAL (
    SELECT run_at, job FROM outlive.live
    WHERE state = 0 AND lane = part.lane AND priority = part.priority
      AND run_at <= (SELECT now FROM clock) AND (run_at, job) >= (part.run_at, part.job)
    ORDER BY run_at, job LIMIT $3::bigint + 1) d
  ORDER BY part.priority, d.run_at, d.job LIMIT $3::bigint + 1
), share AS MATERIALIZED (
  SELECT lane, priority, min(ARRAY[run_at, job]) AS first, count(*) AS count
  FROM (SELECT * FROM found ORDER BY priority, run_at, job LIMIT $3::bigint) AS wanted
  GROUP BY lane, priority
), taken AS (
  UPDATE outlive.live l
  SET state = 2, session = (SELECT id FROM outlive.session WHERE name = $4::text),
      started_at = (SELECT now FROM clock), attempt = l.attempt + 1, fence = l.fence + 1,
      transition = NULL
  WHERE ctid = ANY (ARRAY(
    SELECT d.ctid
    FROM share s
    CROSS JOIN LATERAL (
      SELECT ctid FROM outlive.live
      WHERE state = 0 AND lane = s.lane AND priority = s.priority
        AND run_at <= (SELECT now FROM clock) AND (run_at, job) >= (s.first[1], s.first[2])
      ORDER BY run_at, job LIMIT s.count
      FOR UPDATE SKIP LOCKED) d))
  RETURNING l.job, l.fence, l.lane, (SELECT number FROM asked WHERE lane = l.lane), l.priority,
            l.attempt, l.crashes, l.run_at, l.flags,
            (SELECT ROW(attempt_max, args, retry_policy, traceparent)
             FROM outlive.job WHERE id = l.job) AS given,
            CASE WHEN l.flags & 8 <> 0
                 THEN (SELECT bytes FROM outlive.checkpoint WHERE job = l.job) END AS checkpoint
)
SELECT (SELECT count(*) FROM found), taken.*,
       (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1e6)::bigint
FROM (VALUES (0)) AS always LEFT JOIN taken ON true

-- Of each queue that was asked for: when the next job will be due.
-- @next
WITH clock AS MATERIALIZED (
  SELECT current_setting('outlive_transaction.now')::bigint AS now
)
SELECT q.number, min(later.run_at)
FROM unnest($1::text[]) WITH ORDINALITY AS q(name, number)
JOIN outlive.lane l ON l.queue = q.name AND l.kind = ANY($2::text[])
CROSS JOIN generate_series(0, 9) AS p(priority)
CROSS JOIN LATERAL (
  SELECT run_at FROM outlive.live
  WHERE state = 0 AND lane = l.id AND priority = p.priority
    AND run_at > (SELECT now FROM clock)
  ORDER BY run_at, job LIMIT 1) later
WHERE NOT EXISTS (SELECT FROM outlive.queue s WHERE s.name = q.name AND s.paused)
GROUP BY q.number
