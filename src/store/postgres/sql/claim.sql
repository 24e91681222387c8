-- Leasing due jobs.

-- Held against Rescue(), which deletes sessions: a renewal does not wait for it.
-- @session
SELECT expires_at FROM outlive.session WHERE name = $1::text FOR KEY SHARE

-- Of one queue: which lanes and priorities the first $4 jobs are of is seen without locks, then as
-- many of each are locked, passing over those that somebody else is just taking.
-- @claim
WITH asked AS MATERIALIZED (
  SELECT l.id AS lane, k.number
  FROM unnest($2::text[]) WITH ORDINALITY AS k(kind, number)
  JOIN outlive.lane l ON l.queue = $1::text AND l.kind = k.kind
  WHERE NOT EXISTS (SELECT FROM outlive.queue q WHERE q.name = $1::text AND q.paused)
), found AS MATERIALIZED (
  SELECT a.lane, p.priority
  FROM asked a CROSS JOIN generate_series(0, 9) AS p(priority)
  CROSS JOIN LATERAL (
    SELECT run_at, job FROM outlive.live
    WHERE state = 0 AND lane = a.lane AND priority = p.priority AND run_at <= $3::bigint
    ORDER BY run_at, job LIMIT $4::bigint) d
  ORDER BY p.priority, d.run_at, d.job LIMIT $4::bigint
), share AS MATERIALIZED (
  SELECT lane, priority, count(*) AS count FROM found GROUP BY lane, priority
), due AS MATERIALIZED (
  SELECT d.job
  FROM share s
  CROSS JOIN LATERAL (
    SELECT job FROM outlive.live
    WHERE state = 0 AND lane = s.lane AND priority = s.priority AND run_at <= $3::bigint
    ORDER BY run_at, job LIMIT s.count
    FOR UPDATE SKIP LOCKED) d
)
UPDATE outlive.live l
SET state = 2, session = (SELECT id FROM outlive.session WHERE name = $5::text),
    started_at = $3::bigint, attempt = l.attempt + 1, fence = l.fence + 1, transition = NULL
FROM due, outlive.job j, asked a
WHERE l.job = due.job AND j.id = due.job AND a.lane = l.lane
RETURNING l.job, l.fence, l.lane, a.number, l.priority, l.attempt, j.attempt_max, l.crashes,
          l.run_at, j.args, j.retry_policy, j.traceparent,
          CASE WHEN l.flags & 8 <> 0
               THEN (SELECT bytes FROM outlive.checkpoint WHERE job = l.job) END,
          l.flags

-- Of each queue that was asked for: whether jobs are due still, and when the next one is.
-- @next
SELECT q.number, bool_or(d.run_at IS NOT NULL), min(f.run_at)
FROM unnest($1::text[]) WITH ORDINALITY AS q(name, number)
JOIN outlive.lane l ON l.queue = q.name AND l.kind = ANY($2::text[])
CROSS JOIN generate_series(0, 9) AS p(priority)
LEFT JOIN LATERAL (
  SELECT run_at FROM outlive.live
  WHERE state = 0 AND lane = l.id AND priority = p.priority AND run_at <= $3::bigint
  ORDER BY run_at LIMIT 1) d ON true
LEFT JOIN LATERAL (
  SELECT run_at FROM outlive.live
  WHERE state = 0 AND lane = l.id AND priority = p.priority AND run_at > $3::bigint
  ORDER BY run_at LIMIT 1) f ON true
WHERE NOT EXISTS (SELECT FROM outlive.queue s WHERE s.name = q.name AND s.paused)
GROUP BY q.number
