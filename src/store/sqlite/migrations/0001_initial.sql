-- Schema 1. Never edited once released: changes are migrations of their own.
--
-- The file may be the host's own database, so every name starts with outlive_. Times are whole
-- microseconds since 1970, UTC. docs/adr/0008-sqlite-schema.md says why it looks like this:
--
--   A job's state is the table that its id is in: outlive_pending, outlive_blocked,
--   outlive_running or outlive_ended; every job is in exactly one of them. What a job was given is
--   in outlive_job, which the usual life of a job (insert, claim, complete) writes only once.

-- Of the whole store: schema_version, store_id, last_time.
CREATE TABLE outlive_meta (
  name TEXT NOT NULL PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Queue names and kinds, once each.
CREATE TABLE outlive_name (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- A queue and a kind that have met, with the number of their jobs in each state.
CREATE TABLE outlive_lane (
  id INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,  -- outlive_name
  kind INTEGER NOT NULL,   -- outlive_name
  pending INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  running INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  UNIQUE (queue, kind)
) STRICT;

-- Queues that were ever set. The rate is for later: at most rate_count starts in rate_period.
CREATE TABLE outlive_queue (
  name INTEGER PRIMARY KEY,  -- outlive_name
  paused INTEGER NOT NULL DEFAULT 0,
  rate_count INTEGER,
  rate_period INTEGER,
  rate_tokens REAL,
  rate_at INTEGER
) STRICT;

-- What a job was given, and what it takes along from one attempt to the next. While it runs, and
-- once it has ended, outlive_running and outlive_ended have the newer fence, attempt, started_at,
-- flags and progress. `args` comes last, so that whatever is read without it stays on one page.
CREATE TABLE outlive_job (
  id INTEGER PRIMARY KEY,   -- Given by the store, never reused: outlive_event_batch.last_job
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  attempt_max INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 0,
  flags INTEGER NOT NULL DEFAULT 0,  -- Which of the tables below have rows of this job.
  transition INTEGER,                -- What brought it back from the attempt with this fence.
  started_at INTEGER,
  progress REAL,
  progress_note TEXT,
  idempotency_key TEXT,
  partition_key TEXT,
  traceparent TEXT,
  tags TEXT,  -- Separated by spaces.
  retry_policy TEXT,
  args BLOB NOT NULL
) STRICT;

-- Due once run_at has come, in the order in which they are claimed.
CREATE TABLE outlive_pending (
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (lane, priority, run_at, job)
) STRICT, WITHOUT ROWID;

-- For later: waits for `parents` jobs that have not ended, or for room in its partition.
CREATE TABLE outlive_blocked (
  job INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  parents INTEGER NOT NULL DEFAULT 0,
  partition INTEGER  -- outlive_partition
) STRICT;
CREATE INDEX outlive_blocked_by_partition ON outlive_blocked (partition, job)
  WHERE partition IS NOT NULL;

CREATE TABLE outlive_running (
  job INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  session INTEGER NOT NULL,  -- outlive_session
  fence INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  progress REAL,
  progress_note TEXT
) STRICT;
CREATE INDEX outlive_running_cancel ON outlive_running (session) WHERE cancel_requested = 1;

CREATE TABLE outlive_ended (
  job INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,  -- JobState: 3, 4 or 5
  ended_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started_at INTEGER,
  flags INTEGER NOT NULL,
  transition INTEGER,  -- What its worker asked for with this fence.
  progress REAL,
  progress_note TEXT,
  error_group TEXT  -- Dead: ErrorGroupKey()
) STRICT;
CREATE INDEX outlive_ended_by_time ON outlive_ended (state, ended_at) WHERE state <> 3;
CREATE INDEX outlive_ended_rare ON outlive_ended (state) WHERE state <> 3;
CREATE INDEX outlive_ended_by_error ON outlive_ended (error_group) WHERE error_group IS NOT NULL;

-- Completed jobs by their end, for retention: a row for those of one commit, [job, …]. They are
-- most of all jobs, and an entry in an index for each of them cost more than all else about their
-- end. A job that has been requeued since then stays in its row: outlive_ended has the word.
CREATE TABLE outlive_completed_batch (
  number INTEGER PRIMARY KEY,
  ended_at INTEGER NOT NULL,
  jobs TEXT NOT NULL
) STRICT;

-- What few jobs have. Bits of `flags` say which of these have rows of a job.

CREATE TABLE outlive_checkpoint (
  job INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE outlive_output (
  job INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE outlive_follow_up (
  job INTEGER PRIMARY KEY,
  entries TEXT NOT NULL  -- EncodeFollowUps()
) STRICT;

CREATE TABLE outlive_error (
  job INTEGER NOT NULL,
  number INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  code INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE outlive_tag (
  tag TEXT NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (tag, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE outlive_artifact (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outlive_artifact_by_job ON outlive_artifact (job);

-- Idempotency keys by the end of their window. `hash` is KeyFingerprint(), `args` is
-- ArgsFingerprint(). Only the narrow unique index is hit at random places.
CREATE TABLE outlive_key (
  expires_at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  job INTEGER NOT NULL,
  args BLOB NOT NULL,
  PRIMARY KEY (expires_at, hash)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX outlive_key_by_hash ON outlive_key (hash);

CREATE TABLE outlive_session (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;

-- The event log: a row for the events of one commit, [[type, job, fence], …]. Event i of a row has
-- the number seq + i, and the next row starts at seq + count. The newest row always stays: it also
-- keeps the numbers that must not be used again.
CREATE TABLE outlive_event_batch (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  last_job INTEGER NOT NULL,  -- The greatest id ever given.
  entries TEXT NOT NULL
) STRICT;

-- For later.

CREATE TABLE outlive_dependency (
  parent INTEGER NOT NULL,
  child INTEGER NOT NULL,
  on_failure INTEGER NOT NULL DEFAULT 0,  -- What becomes of the child if the parent fails.
  PRIMARY KEY (parent, child)
) STRICT, WITHOUT ROWID;

CREATE TABLE outlive_partition (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  active INTEGER NOT NULL DEFAULT 0,  -- Its jobs that are pending or running.
  active_max INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE outlive_schedule (
  name TEXT NOT NULL PRIMARY KEY,
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  lane INTEGER NOT NULL,
  options TEXT NOT NULL,  -- JSON
  args BLOB NOT NULL,
  next_at INTEGER,
  last_at INTEGER,
  paused INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE outlive_subscription (
  topic TEXT NOT NULL,
  lane INTEGER NOT NULL,
  options TEXT NOT NULL,  -- JSON
  PRIMARY KEY (topic, lane)
) STRICT, WITHOUT ROWID;

-- For people. The library does not use these.

CREATE VIEW outlive_jobs AS
  SELECT
    j.id,
    CASE WHEN r.job IS NOT NULL THEN 'running'
         WHEN e.state = 3 THEN 'completed'
         WHEN e.state = 4 THEN 'cancelled'
         WHEN e.state = 5 THEN 'dead'
         WHEN b.job IS NOT NULL THEN 'blocked'
         ELSE 'pending' END AS state,
    k.text AS kind,
    q.text AS queue,
    j.priority,
    coalesce(r.attempt, e.attempt, j.attempt) AS attempt,
    j.attempt_max,
    j.crashes,
    coalesce(r.fence, e.fence, j.fence) AS fence,
    datetime(j.created_at / 1000000, 'unixepoch') AS created_at,
    datetime(j.run_at / 1000000, 'unixepoch') AS run_at,
    datetime(coalesce(r.started_at, e.started_at, j.started_at) / 1000000, 'unixepoch')
      AS started_at,
    datetime(e.ended_at / 1000000, 'unixepoch') AS ended_at,
    CASE WHEN r.job IS NOT NULL THEN r.progress
         WHEN e.job IS NOT NULL THEN e.progress
         ELSE j.progress END AS progress,
    CAST(j.args AS TEXT) AS args
  FROM outlive_job j
  JOIN outlive_lane l ON l.id = j.lane
  JOIN outlive_name k ON k.id = l.kind
  JOIN outlive_name q ON q.id = l.queue
  LEFT JOIN outlive_running r ON r.job = j.id
  LEFT JOIN outlive_ended e ON e.job = j.id
  LEFT JOIN outlive_blocked b ON b.job = j.id;

CREATE VIEW outlive_events AS
  SELECT
    b.seq + entry.key AS seq,
    datetime(b.at / 1000000, 'unixepoch') AS at,
    CASE entry.value ->> 0
      WHEN 1 THEN 'enqueued' WHEN 2 THEN 'claimed' WHEN 3 THEN 'completed' WHEN 4 THEN 'retried'
      WHEN 5 THEN 'snoozed' WHEN 6 THEN 'released' WHEN 7 THEN 'rescued' WHEN 8 THEN 'cancelled'
      WHEN 9 THEN 'dead' WHEN 10 THEN 'requeued' WHEN 11 THEN 'progressed'
      WHEN 12 THEN 'cancel_requested' WHEN 13 THEN 'discarded' END AS type,
    entry.value ->> 1 AS job,
    entry.value ->> 2 AS fence
  FROM outlive_event_batch b, json_each(b.entries) entry;
