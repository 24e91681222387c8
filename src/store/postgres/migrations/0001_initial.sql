-- Schema 1. Never edited once released: changes are migrations of their own.
--
-- "outlive." stands for the schema that the store was opened with. Times are whole microseconds
-- since 1970, UTC. docs/adr/0017-postgres-store.md says why it looks like this:
--
--   outlive.live is the hot table: narrow, one row for each job that has not ended. What a job was
--   given is in outlive.job, which is written once; a job that has ended has moved to outlive.ended.

-- Of the whole store: schema_version, store_id.
CREATE TABLE outlive.meta (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- A queue and a kind that have met. Ids are committed in their order.
CREATE TABLE outlive.lane (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  queue text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  UNIQUE (queue, kind)
);

-- How many jobs of a lane are in each state: the sum of its rows. Each transaction adds a row of
-- its own, so that no two wait for one another; Prune() adds them up.
CREATE TABLE outlive.lane_count (
  lane integer NOT NULL,
  pending bigint NOT NULL,
  blocked bigint NOT NULL,
  running bigint NOT NULL,
  completed bigint NOT NULL,
  cancelled bigint NOT NULL,
  dead bigint NOT NULL
);

-- Queues that were ever set.
CREATE TABLE outlive.queue (
  name text COLLATE "C" PRIMARY KEY,
  paused boolean NOT NULL
);

CREATE SEQUENCE outlive.job_id;

-- What a job was given.
CREATE TABLE outlive.job (
  id bigint PRIMARY KEY,  -- Of outlive.job_id: never reused.
  lane integer NOT NULL,
  attempt_max integer NOT NULL,
  created_at bigint NOT NULL,
  idempotency_key bytea,
  partition_key bytea,
  traceparent text,
  tags text,  -- Separated by spaces.
  retry_policy text,
  args bytea NOT NULL
);

-- Jobs that wait or run. `flags` says which of the tables below have rows of the job.
CREATE TABLE outlive.live (
  job bigint PRIMARY KEY,
  run_at bigint NOT NULL,
  fence bigint NOT NULL,
  started_at bigint,
  session bigint,          -- While it runs: outlive.session
  progress double precision,
  lane integer NOT NULL,
  priority integer NOT NULL,
  state integer NOT NULL,  -- JobState: 0, 1 or 2
  attempt integer NOT NULL,
  crashes integer NOT NULL,
  generation integer NOT NULL,
  flags integer NOT NULL,
  transition integer,      -- What its worker asked for with this fence.
  progress_note text
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- In the order in which they are claimed.
CREATE INDEX live_pending ON outlive.live (lane, priority, run_at, job) WHERE state = 0;
CREATE INDEX live_running ON outlive.live (session, job) WHERE state = 2;

-- Jobs that have ended.
CREATE TABLE outlive.ended (
  job bigint PRIMARY KEY,
  ended_at bigint NOT NULL,
  run_at bigint NOT NULL,
  fence bigint NOT NULL,
  started_at bigint,
  progress double precision,
  lane integer NOT NULL,
  priority integer NOT NULL,
  state integer NOT NULL,  -- JobState: 3, 4 or 5
  attempt integer NOT NULL,
  crashes integer NOT NULL,
  generation integer NOT NULL,
  flags integer NOT NULL,
  transition integer,
  progress_note text,
  error_group text  -- Dead: ErrorGroupKey()
);
CREATE INDEX ended_by_time ON outlive.ended (state, ended_at, job);
CREATE INDEX ended_by_error ON outlive.ended (error_group, job) WHERE error_group IS NOT NULL;

-- What few jobs have.

CREATE TABLE outlive.checkpoint (
  job bigint PRIMARY KEY,
  bytes bytea NOT NULL
);

CREATE TABLE outlive.output (
  job bigint PRIMARY KEY,
  bytes bytea NOT NULL
);

CREATE TABLE outlive.follow_up (
  job bigint PRIMARY KEY,
  entries text NOT NULL
);

CREATE TABLE outlive.error (
  job bigint NOT NULL,
  number integer NOT NULL,
  attempt integer NOT NULL,
  at bigint NOT NULL,
  code integer NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (job, number)
);

CREATE TABLE outlive.tag (
  tag text COLLATE "C" NOT NULL,
  job bigint NOT NULL,
  PRIMARY KEY (tag, job)
);

CREATE TABLE outlive.artifact (
  number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" NOT NULL UNIQUE,
  job bigint NOT NULL,
  fence bigint NOT NULL,
  name bytea NOT NULL,
  media_type bytea NOT NULL,
  size bigint NOT NULL,
  sha256 text NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX artifact_by_job ON outlive.artifact (job);

-- Idempotency keys: KeyFingerprint() and ArgsFingerprint().
CREATE TABLE outlive.key (
  hash uuid PRIMARY KEY,
  args uuid NOT NULL,
  job bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX key_by_expiry ON outlive.key (expires_at);

CREATE TABLE outlive.session (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text COLLATE "C" NOT NULL UNIQUE,
  expires_at bigint NOT NULL
) WITH (fillfactor = 50);

-- The event log: a row for the events of one commit, entry i of which has seq + i - 1. Rows are
-- added under a lock that is held until the commit, so that a reader who has seen an entry has
-- seen all before it.
CREATE TABLE outlive.event_batch (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  count integer NOT NULL,
  types smallint[] NOT NULL,
  jobs bigint[] NOT NULL,
  fences bigint[] NOT NULL
);

-- Events of hosts' own transactions, which must not keep the lock of the log for as long as they
-- like: the next transaction of a store puts them into the log.
CREATE TABLE outlive.event_inbox (
  number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at bigint NOT NULL,
  type smallint NOT NULL,
  job bigint NOT NULL,
  fence bigint NOT NULL
);
