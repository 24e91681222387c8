-- Schema 1. Never edited once released: changes are migrations of their own.
--
-- "outlive." stands for the schema that the store was opened with. Times are whole microseconds
-- since 1970, UTC. docs/adr/0017-postgres-store.md says why it looks like this:
--
--   outlive.live is the hot table: narrow, one row for each job that has not ended. What a job was
--   given is in outlive.job, which is written once; what has ended has moved to outlive.ended. Both
--   are partitioned by ranges of ids, so that what has ended is dropped, not deleted.

-- Of the whole store: schema_version, store_id.
CREATE TABLE outlive.meta (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- A queue and a kind that have met. Never deleted.
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

-- Ranges of ids that have partitions job_FIRST and ended_FIRST: first <= id < past. They are made
-- and dropped by Prune() (partitions.h). The first one is made with the schema.
CREATE TABLE outlive.partition (
  first bigint PRIMARY KEY,
  past bigint NOT NULL UNIQUE,
  opened_at bigint,  -- When the first of its ids was seen to be taken,
  filled_at bigint   -- and the last one.
);

-- When the next partition was last to be made, and one to be dropped, and nothing has come of it:
-- 0, or microseconds since 1970. No numbers are taken from them: they are sequences because what
-- is noted in a sequence stays, also when the transaction that did so is undone or lost.
CREATE SEQUENCE outlive.make_tried_at MINVALUE 0;
CREATE SEQUENCE outlive.drop_tried_at MINVALUE 0;

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
) PARTITION BY RANGE (id);
-- Whatever is in no other one: what was left of those that are gone, and what came in between.
CREATE TABLE outlive.job_default PARTITION OF outlive.job DEFAULT;

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
) PARTITION BY RANGE (job);
CREATE TABLE outlive.ended_default PARTITION OF outlive.ended DEFAULT;
-- Not by job, so that nobody looks for a job in it while the table is small.
CREATE INDEX ended_by_time ON outlive.ended (state, ended_at) INCLUDE (job);
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

-- Puts them there, for a READ COMMITTED transaction that has the lock of the log. Each has the time
-- of its transaction, as the jobs' rows have: of two that overlap, the later one may be first.
CREATE FUNCTION outlive.move_inbox() RETURNS void LANGUAGE plpgsql VOLATILE AS $move$
BEGIN
  WITH base AS MATERIALIZED (
    SELECT coalesce(max(seq + count), 1) AS seq
    FROM (SELECT seq, count FROM outlive.event_batch ORDER BY seq DESC LIMIT 1) AS newest
  ), moved AS (
    DELETE FROM outlive.event_inbox RETURNING number, at, type, job, fence
  ), batch AS (
    SELECT min(number) AS number, at, count(*)::integer AS count,
           array_agg(type ORDER BY number) AS types, array_agg(job ORDER BY number) AS jobs,
           array_agg(fence ORDER BY number) AS fences
    FROM moved GROUP BY at
  )
  INSERT INTO outlive.event_batch (seq, at, count, types, jobs, fences)
  SELECT base.seq + sum(batch.count) OVER (ORDER BY number) - batch.count, batch.at, batch.count,
         types, jobs, fences
  FROM batch, base;
END $move$;

-- -- For other languages --------------------------------------------------------------------------

-- SHA-1, which PostgreSQL has only in extensions: idempotency keys go by it (core/idempotency.h).
CREATE FUNCTION outlive.sha1(message bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $sha1$
DECLARE
  mask CONSTANT bigint := 4294967295;
  padded bytea := message || '\x80'::bytea
    || decode(repeat('00', (119 - octet_length(message) % 64) % 64), 'hex')
    || int8send(octet_length(message)::bigint * 8);
  h bigint[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
  w bigint[];
  a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; k bigint; t bigint;
BEGIN
  FOR block IN 0 .. octet_length(padded) / 64 - 1 LOOP
    FOR i IN 0 .. 15 LOOP
      w[i] := (get_byte(padded, block * 64 + i * 4)::bigint << 24)
            | (get_byte(padded, block * 64 + i * 4 + 1) << 16)
            | (get_byte(padded, block * 64 + i * 4 + 2) << 8)
            | get_byte(padded, block * 64 + i * 4 + 3);
    END LOOP;
    FOR i IN 16 .. 79 LOOP
      t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
      w[i] := ((t << 1) | (t >> 31)) & mask;
    END LOOP;
    a := h[1]; b := h[2]; c := h[3]; d := h[4]; e := h[5];
    FOR i IN 0 .. 79 LOOP
      IF i < 20 THEN
        f := (b & c) | (~b & mask & d); k := 1518500249;
      ELSIF i < 40 THEN
        f := b # c # d; k := 1859775393;
      ELSIF i < 60 THEN
        f := (b & c) | (b & d) | (c & d); k := 2400959708;
      ELSE
        f := b # c # d; k := 3395469782;
      END IF;
      t := ((((a << 5) | (a >> 27)) & mask) + f + e + k + w[i]) & mask;
      e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := t;
    END LOOP;
    h := ARRAY[(h[1] + a) & mask, (h[2] + b) & mask, (h[3] + c) & mask, (h[4] + d) & mask,
               (h[5] + e) & mask];
  END LOOP;
  RETURN substr(int8send(h[1]), 5) || substr(int8send(h[2]), 5) || substr(int8send(h[3]), 5)
    || substr(int8send(h[4]), 5) || substr(int8send(h[5]), 5);
END $sha1$;

-- A name-based UUID, version 5 (RFC 9562 section 5.5).
CREATE FUNCTION outlive.name_uuid(space uuid, name bytea) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $uuid$
DECLARE
  bytes bytea := substr(outlive.sha1(uuid_send(space) || name), 1, 16);
BEGIN
  bytes := set_byte(bytes, 6, get_byte(bytes, 6) & 15 | 80);
  bytes := set_byte(bytes, 8, get_byte(bytes, 8) & 63 | 128);
  RETURN encode(bytes, 'hex')::uuid;
END $uuid$;

-- The store's time: never earlier than the newest entry of the log.
CREATE FUNCTION outlive.store_now() RETURNS bigint LANGUAGE sql VOLATILE AS $now$
  SELECT greatest(floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                  (SELECT at FROM outlive.event_batch ORDER BY seq DESC LIMIT 1))
$now$;

-- Ends the statement with an error of this state, for transactions that a store in a move refuses.
CREATE FUNCTION outlive.refuse(sql_state text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $refuse$
BEGIN
  RAISE EXCEPTION USING ERRCODE = sql_state, MESSAGE = 'the jobs of this schema are being moved';
END $refuse$;

-- Adds a job in the transaction it is called in; its id. `options` may have "queue", "priority",
-- "attempt_count_max", "delay_seconds", "idempotency_key", "idempotency_window_seconds",
-- "partition_key" and "tags", which mean what they mean in NewJob (core/job.h); others are refused.
-- A key that was used with the same arguments gives the id of the job that was made then; with
-- others it is a unique_violation. Arguments are kept as they are: nothing here can seal.
CREATE FUNCTION outlive.enqueue(kind text, args jsonb, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $enqueue$
#variable_conflict use_column
DECLARE
  name_pattern CONSTANT text := '^[A-Za-z0-9._:/-]{1,128}$';
  bytes CONSTANT bytea := convert_to(args::text, 'UTF8');
  queue_name CONSTANT text := coalesce(options->>'queue', 'default');
  its_priority CONSTANT integer := coalesce((options->>'priority')::integer, 5);
  its_attempt_max CONSTANT integer := coalesce((options->>'attempt_count_max')::integer, 5);
  delay CONSTANT float8 := coalesce((options->>'delay_seconds')::float8, 0);
  key_bytes CONSTANT bytea := convert_to(nullif(options->>'idempotency_key', ''), 'UTF8');
  key_window CONSTANT float8 := coalesce((options->>'idempotency_window_seconds')::float8, 86400);
  partition_bytes CONSTANT bytea := convert_to(nullif(options->>'partition_key', ''), 'UTF8');
  tag_list CONSTANT text[] := ARRAY(
    SELECT jsonb_array_elements_text(coalesce(options->'tags', '[]')));
  now_at CONSTANT bigint := outlive.store_now();
  unknown text;
  lane_id integer;
  new_id bigint;
  key_hash uuid;
  key_args uuid;
  used record;
BEGIN
  SELECT string_agg(name, ', ') INTO unknown FROM jsonb_object_keys(options) AS o(name)
  WHERE name NOT IN ('queue', 'priority', 'attempt_count_max', 'delay_seconds', 'idempotency_key',
                     'idempotency_window_seconds', 'partition_key', 'tags');
  IF unknown IS NOT NULL THEN
    RAISE invalid_parameter_value USING MESSAGE = 'there is no option ' || unknown;
  ELSIF kind IS NULL OR kind !~ name_pattern OR queue_name !~ name_pattern
     OR EXISTS (SELECT FROM unnest(tag_list) AS t(tag) WHERE tag !~ name_pattern) THEN
    RAISE invalid_parameter_value
      USING MESSAGE = 'kind, queue and tags must be [A-Za-z0-9._:/-]{1,128}';
  ELSIF args IS NULL OR octet_length(bytes) > 1048576 THEN
    RAISE invalid_parameter_value USING MESSAGE = 'args must be there and have at most 1 MiB';
  ELSIF its_priority NOT BETWEEN 0 AND 9 OR its_attempt_max NOT BETWEEN 1 AND 10000
     OR cardinality(tag_list) > 16 OR NOT delay BETWEEN 0 AND 31622400
     OR NOT (key_window > 0 AND key_window <= 31622400)
     OR octet_length(key_bytes) > 512 OR octet_length(partition_bytes) > 512 THEN
    RAISE invalid_parameter_value
      USING MESSAGE = 'an option is out of its range: see core/job.h';
  ELSIF EXISTS (SELECT FROM outlive.meta WHERE name IN ('frozen', 'copy_of')) THEN
    RAISE object_not_in_prerequisite_state
      USING MESSAGE = 'the jobs of this schema are being moved, or have been';
  END IF;

  new_id := nextval('outlive.job_id');
  IF key_bytes IS NOT NULL THEN
    key_hash := outlive.name_uuid('6f1d920b-35c4-4e0a-9b77-1e5ad0832c41',
                                  convert_to(kind, 'UTF8') || '\x00'::bytea || key_bytes);
    key_args := outlive.name_uuid('b2480ef3-7a91-43d6-8c05-64e91fb7305d', bytes);
    INSERT INTO outlive.key AS k (hash, args, job, expires_at)
    VALUES (key_hash, key_args, new_id, now_at + (key_window * 1000000)::bigint)
    ON CONFLICT (hash) DO UPDATE
    SET args = excluded.args, job = excluded.job, expires_at = excluded.expires_at
    WHERE k.expires_at <= now_at;
    IF NOT FOUND THEN
      SELECT k.args, k.job INTO used FROM outlive.key k WHERE k.hash = key_hash;
      IF used.args = key_args THEN
        RETURN used.job;
      END IF;
      RAISE unique_violation USING MESSAGE = format(
        'the idempotency key was used for job %s with other arguments', used.job);
    END IF;
  END IF;

  SELECT l.id INTO lane_id FROM outlive.lane l WHERE l.queue = queue_name
    AND l.kind = enqueue.kind;
  IF NOT FOUND THEN
    INSERT INTO outlive.lane (queue, kind) VALUES (queue_name, enqueue.kind)
    ON CONFLICT DO NOTHING;
    SELECT l.id INTO lane_id FROM outlive.lane l
    WHERE l.queue = queue_name AND l.kind = enqueue.kind;
  END IF;
  INSERT INTO outlive.job (id, lane, attempt_max, created_at, idempotency_key, partition_key, tags,
                           args)
  VALUES (new_id, lane_id, its_attempt_max, now_at, key_bytes, partition_bytes,
          nullif(array_to_string(tag_list, ' '), ''), bytes);
  INSERT INTO outlive.live (job, lane, state, priority, run_at, attempt, crashes, generation, fence,
                            flags)
  VALUES (new_id, lane_id, 0, its_priority, now_at + (delay * 1000000)::bigint, 0, 0, 0, 0,
          CASE WHEN cardinality(tag_list) > 0 THEN 2 ELSE 0 END);
  INSERT INTO outlive.tag (tag, job) SELECT tag, new_id FROM unnest(tag_list) AS t(tag)
  ON CONFLICT DO NOTHING;
  INSERT INTO outlive.lane_count (lane, pending, blocked, running, completed, cancelled, dead)
  VALUES (lane_id, 1, 0, 0, 0, 0, 0);
  INSERT INTO outlive.event_inbox (at, type, job, fence) VALUES (now_at, 1, new_id, 0);
  RETURN new_id;
END $enqueue$;

-- -- For people: to be read -----------------------------------------------------------------------

CREATE VIEW outlive.jobs AS
SELECT j.id, n.queue, n.kind,
       (ARRAY['pending', 'blocked', 'running', 'completed', 'cancelled', 'dead'])
         [coalesce(e.state, l.state) + 1] AS state,
       coalesce(e.priority, l.priority) AS priority, coalesce(e.attempt, l.attempt) AS attempt,
       j.attempt_max, coalesce(e.crashes, l.crashes) AS crashes,
       coalesce(e.flags, l.flags) & 64 <> 0 AS cancel_requested, s.name AS session,
       coalesce(e.progress, l.progress, 0) AS progress,
       coalesce(e.progress_note, l.progress_note) AS progress_note,
       to_timestamp(j.created_at / 1e6) AS created_at,
       to_timestamp(coalesce(e.run_at, l.run_at) / 1e6) AS run_at,
       to_timestamp(coalesce(e.started_at, l.started_at) / 1e6) AS started_at,
       to_timestamp(e.ended_at / 1e6) AS ended_at,
       string_to_array(j.tags, ' ') AS tags,
       (SELECT x.message FROM outlive.error x WHERE x.job = j.id ORDER BY x.number DESC LIMIT 1)
         AS last_error
FROM outlive.job j
JOIN outlive.lane n ON n.id = j.lane
LEFT JOIN outlive.live l ON l.job = j.id
LEFT JOIN outlive.ended e ON e.job = j.id
LEFT JOIN outlive.session s ON s.id = l.session;

CREATE VIEW outlive.lanes AS
SELECT n.queue, n.kind, sum(pending)::bigint AS pending, sum(running)::bigint AS running,
       sum(blocked)::bigint AS blocked, sum(completed)::bigint AS completed,
       sum(cancelled)::bigint AS cancelled, sum(dead)::bigint AS dead
FROM outlive.lane n JOIN outlive.lane_count c ON c.lane = n.id
GROUP BY n.id;

CREATE VIEW outlive.events AS
SELECT b.seq + e.number - 1 AS seq, to_timestamp(b.at / 1e6) AS at,
       (ARRAY['enqueued', 'claimed', 'completed', 'retried', 'snoozed', 'released', 'rescued',
              'cancelled', 'dead', 'requeued', 'progressed', 'cancel_requested', 'discarded',
              'crashed'])[e.type] AS type, e.job, e.fence
FROM outlive.event_batch b,
     unnest(b.types, b.jobs, b.fences) WITH ORDINALITY AS e(type, job, fence, number);
