-- Leasing due jobs. How they are looked up and written: see job_rows.sql.

-- Held against Rescue(), which deletes sessions: a renewal does not wait for it.
-- @session
SELECT expires_at FROM outlive.session WHERE name = $1::text FOR KEY SHARE

-- Of one queue, from the floors on where there are any (claim_floors.h): which lanes and priorities
-- the first $4 jobs are of is seen without locks, then as many of each are locked, passing over
-- those that somebody else is just taking.
-- @claim
WITH asked AS MATERIALIZED (
  SELECT l.id AS lane, k.number
  FROM unnest($2::text[]) WITH ORDINALITY AS k(kind, number)
  JOIN outlive.lane l ON l.queue = $1::text AND l.kind = k.kind
  WHERE NOT EXISTS (SELECT FROM outlive.queue q WHERE q.name = $1::text AND q.paused)
), part AS MATERIALIZED (
  SELECT a.lane, p.priority, coalesce(f.run_at, 0) AS run_at, coalesce(f.job, 0) AS job
  FROM asked a CROSS JOIN generate_series(0, 9) AS p(priority)
  LEFT JOIN unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
    AS f(lane, priority, run_at, job) ON f.lane = a.lane AND f.priority = p.priority
), found AS MATERIALIZED (
  SELECT part.lane, part.priority
  FROM part
  CROSS JOIN LATERAL (
    SELECT run_at, job FROM outlive.live
    WHERE state = 0 AND lane = part.lane AND priority = part.priority AND run_at <= $3::bigint
      AND (run_at, job) >= (part.run_at, part.job)
    ORDER BY run_at, job LIMIT $4::bigint) d
  ORDER BY part.priority, d.run_at, d.job LIMIT $4::bigint
), share AS MATERIALIZED (
  SELECT lane, priority, part.run_at, part.job, count(*) AS count
  FROM found JOIN part USING (lane, priority) GROUP BY 1, 2, 3, 4
)
UPDATE outlive.live l
SET state = 2, session = (SELECT id FROM outlive.session WHERE name = $5::text),
    started_at = $3::bigint, attempt = l.attempt + 1, fence = l.fence + 1, transition = NULL
WHERE ctid = ANY (ARRAY(
  SELECT d.ctid
  FROM share s
  CROSS JOIN LATERAL (
    SELECT ctid FROM outlive.live
    WHERE state = 0 AND lane = s.lane AND priority = s.priority AND run_at <= $3::bigint
      AND (run_at, job) >= (s.run_at, s.job)
    ORDER BY run_at, job LIMIT s.count
    FOR UPDATE SKIP LOCKED) d))
RETURNING l.job, l.fence, l.lane, (SELECT number FROM asked WHERE lane = l.lane), l.priority,
          l.attempt, l.crashes, l.run_at, l.flags,
          (SELECT ROW(attempt_max, args, retry_policy, traceparent)
           FROM outlive.job WHERE id = l.job),
          CASE WHEN l.flags & 8 <> 0
               THEN (SELECT bytes FROM outlive.checkpoint WHERE job = l.job) END

-- Of each queue that was asked for: whether jobs are due still, and when the next one is.
-- @next
SELECT q.number, bool_or(d.run_at IS NOT NULL), min(later.run_at)
FROM unnest($1::text[]) WITH ORDINALITY AS q(name, number)
JOIN outlive.lane l ON l.queue = q.name AND l.kind = ANY($2::text[])
CROSS JOIN generate_series(0, 9) AS p(priority)
LEFT JOIN unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
  AS f(lane, priority, run_at, job) ON f.lane = l.id AND f.priority = p.priority
LEFT JOIN LATERAL (
  SELECT run_at FROM outlive.live
  WHERE state = 0 AND lane = l.id AND priority = p.priority AND run_at <= $3::bigint
    AND (run_at, job) >= (coalesce(f.run_at, 0), coalesce(f.job, 0))
  ORDER BY run_at, job LIMIT 1) d ON true
LEFT JOIN LATERAL (
  SELECT run_at FROM outlive.live
  WHERE state = 0 AND lane = l.id AND priority = p.priority AND run_at > $3::bigint
  ORDER BY run_at, job LIMIT 1) later ON true
WHERE NOT EXISTS (SELECT FROM outlive.queue s WHERE s.name = q.name AND s.paused)
GROUP BY q.number
