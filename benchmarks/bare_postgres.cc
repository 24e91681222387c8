#include "benchmarks/bare_postgres.h"

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS job (
  id bigint PRIMARY KEY, lane integer NOT NULL, attempt_max integer NOT NULL,
  created_at bigint NOT NULL, args bytea NOT NULL);
CREATE TABLE IF NOT EXISTS live (
  job bigint PRIMARY KEY, run_at bigint NOT NULL, fence bigint NOT NULL, started_at bigint,
  session bigint, lane integer NOT NULL, priority integer NOT NULL, state integer NOT NULL,
  attempt integer NOT NULL)
  WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX IF NOT EXISTS live_pending ON live (lane, priority, run_at, job) WHERE state = 0;
CREATE TABLE IF NOT EXISTS ended (
  job bigint PRIMARY KEY, ended_at bigint NOT NULL, run_at bigint NOT NULL, fence bigint NOT NULL,
  started_at bigint, lane integer NOT NULL, priority integer NOT NULL, state integer NOT NULL,
  attempt integer NOT NULL);
CREATE TABLE IF NOT EXISTS event_batch (
  seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, at bigint NOT NULL,
  types smallint[] NOT NULL, jobs bigint[] NOT NULL, fences bigint[] NOT NULL);
CREATE TABLE IF NOT EXISTS key (
  hash uuid PRIMARY KEY, job bigint NOT NULL, expires_at bigint NOT NULL);
)sql";

// Plans go by the indexes, as outlive's do.
constexpr const char* kSettings =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan ="
    " off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;"
    "SET client_min_messages = warning";

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::size_t kHeadBytes = 20;  // Of an array.

enum EventType { kEnqueued = 1, kClaimed = 2, kCompleted = 3 };

void PutNumber(std::string& bytes, std::size_t at, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i) {
    bytes[at + static_cast<std::size_t>(i)] =
        static_cast<char>((number >> (8 * (size - 1 - i))) & 0xff);
  }
}

void AppendNumber(std::string& bytes, std::uint64_t number, int size) {
  bytes.resize(bytes.size() + static_cast<std::size_t>(size));
  PutNumber(bytes, bytes.size() - static_cast<std::size_t>(size), number, size);
}

std::string Binary(std::int64_t number) {
  std::string bytes;
  AppendNumber(bytes, static_cast<std::uint64_t>(number), 8);
  return bytes;
}

std::int64_t ReadNumber(const char* bytes) {
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(number);
}

}  // namespace

PgConnection ConnectTo(const std::string& conninfo) {
  PgConnection connection(PQconnectdb(conninfo.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    throw BenchError("bare libpq: the server lets nobody in");  // Its own words show the address.
  }
  return connection;
}

std::string QueryOne(PGconn* connection, const std::string& sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection, sql.c_str()),
                                                              PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw BenchError(fmt::format("bare libpq: {}: {}", sql, PQerrorMessage(connection)));
  }
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

void PgArray::Add(std::int64_t value) {
  if (bytes_.empty()) bytes_.resize(kHeadBytes);
  const int size = of_ == Of::kSmallint ? 2 : 8;
  AppendNumber(bytes_, static_cast<std::uint64_t>(size), 4);
  AppendNumber(bytes_, static_cast<std::uint64_t>(value), size);
  ++count_;
}

void PgArray::AddBytes(std::string_view bytes) {
  if (bytes_.empty()) bytes_.resize(kHeadBytes);
  AppendNumber(bytes_, bytes.size(), 4);
  bytes_.append(bytes);
  ++count_;
}

void PgArray::Clear() {
  bytes_.clear();
  count_ = 0;
}

std::string_view PgArray::Bytes() {
  bytes_.resize(std::max(bytes_.size(), kHeadBytes));
  PutNumber(bytes_, 0, 1, 4);  // Dimensions.
  PutNumber(bytes_, 4, 0, 4);  // No nulls.
  PutNumber(bytes_, 8, static_cast<std::uint64_t>(of_), 4);
  PutNumber(bytes_, 12, static_cast<std::uint64_t>(count_), 4);
  PutNumber(bytes_, 16, 1, 4);  // Where it begins.
  return bytes_;
}

BarePostgres::BarePostgres(const std::string& conninfo, const std::string& schema)
    : connection_(ConnectTo(conninfo)) {
  PGconn* const connection = connection_.get();
  QueryOne(connection, kSettings);
  QueryOne(connection, fmt::format("CREATE SCHEMA IF NOT EXISTS {0}; SET search_path = {0}; {1}",
                                   schema, kSchema));
  const std::string last = QueryOne(connection, "SELECT coalesce(max(id), 0) FROM job");
  last_job_ = std::stoll(last);
  Prepare("begin", "BEGIN");
  Prepare("add_jobs",
          "WITH added AS (INSERT INTO job (id, lane, attempt_max, created_at, args)"
          " SELECT id, 1, 5, $1::bigint, args FROM unnest($2::bigint[], $3::bytea[]) j(id, args))"
          " INSERT INTO live (job, run_at, fence, lane, priority, state, attempt)"
          " SELECT job, $1::bigint, 0, 1, 5, 0, 0 FROM unnest($2::bigint[]) j(job)");
  Prepare("add_keys",
          "INSERT INTO key (hash, job, expires_at)"
          " SELECT hash, job, $1::bigint FROM unnest($2::uuid[], $3::bigint[]) k(hash, job)");
  Prepare("claim",
          "WITH due AS MATERIALIZED (SELECT job FROM live WHERE state = 0 AND lane = 1 AND run_at"
          " <= $1::bigint ORDER BY priority, run_at, job LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"
          " UPDATE live l SET state = 2, session = 1, started_at = $1::bigint,"
          " attempt = l.attempt + 1, fence = l.fence + 1 FROM due, job j"
          " WHERE l.job = due.job AND j.id = due.job RETURNING l.job, l.run_at, j.args");
  Prepare("finish",
          "WITH gone AS (DELETE FROM live l USING unnest($2::bigint[]) f(job)"
          " WHERE l.job = f.job AND l.fence = 1 AND l.state = 2 RETURNING l.*)"
          " INSERT INTO ended (job, ended_at, run_at, fence, started_at, lane, priority, state,"
          " attempt) SELECT job, $1::bigint, run_at, fence, started_at, lane, priority, 3, attempt"
          " FROM gone");
  Prepare("add_events",
          "INSERT INTO event_batch (at, types, jobs, fences)"
          " VALUES ($1::bigint, $2::smallint[], $3::bigint[], $4::bigint[])");
  Prepare("commit", "COMMIT");
  if (PQenterPipelineMode(connection) != 1) Fail("pipeline mode");
}

void BarePostgres::Prepare(const char* name, const char* sql) {
  const Result result(PQprepare(connection_.get(), name, sql, 0, nullptr), PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) Fail(name);
}

void BarePostgres::Fail(const char* doing) const {
  throw BenchError(fmt::format("bare libpq: {}: {}", doing, PQerrorMessage(connection_.get())));
}

void BarePostgres::Begin() {
  now_ = std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count();
  begun_ = false;
}

void BarePostgres::AddEvent(std::int64_t type, std::int64_t job, std::int64_t fence) {
  event_types_.Add(type);
  event_jobs_.Add(job);
  event_fences_.Add(fence);
}

void BarePostgres::Insert(std::string_view args) {
  new_jobs_.Add(++last_job_);
  new_args_.AddBytes(args);
  AddEvent(kEnqueued, last_job_, 0);
}

void BarePostgres::InsertWithKey(std::string_view args, const BareKey& key) {
  Insert(args);
  // The unique index refuses a key that is there.
  key_hashes_.AddBytes({reinterpret_cast<const char*>(key.data()), sizeof(key)});
  key_jobs_.Add(last_job_);
}

void BarePostgres::Finish(const Claimed& job) {
  ended_jobs_.Add(job.job);
  AddEvent(kCompleted, job.job, 1);
}

void BarePostgres::Claim(int job_count_max, std::vector<Claimed>& claimed) {
  SendWrites();
  Send("claim", {Binary(now_), Binary(job_count_max)});
  const Result result = Sync();
  const int count = PQntuples(result.get());
  claimed.resize(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    Claimed& job = claimed[static_cast<std::size_t>(row)];
    job.job = ReadNumber(PQgetvalue(result.get(), row, 0));
    job.run_at = ReadNumber(PQgetvalue(result.get(), row, 1));
    job.args.assign(PQgetvalue(result.get(), row, 2),
                    static_cast<std::size_t>(PQgetlength(result.get(), row, 2)));
    AddEvent(kClaimed, job.job, 1);
  }
}

void BarePostgres::Commit() {
  SendWrites();
  if (event_jobs_.size() > 0) {
    Send("add_events",
         {Binary(now_), event_types_.Bytes(), event_jobs_.Bytes(), event_fences_.Bytes()});
    event_types_.Clear();
    event_jobs_.Clear();
    event_fences_.Clear();
  }
  Send("commit", {});
  Sync();
}

void BarePostgres::SendWrites() {
  if (!begun_) Send("begin", {});
  begun_ = true;
  const std::string now = Binary(now_);
  if (const int count = ended_jobs_.size(); count > 0) {
    Send("finish", {now, ended_jobs_.Bytes()});
    ended_jobs_.Clear();
  }
  if (new_jobs_.size() == 0) return;
  Send("add_jobs", {now, new_jobs_.Bytes(), new_args_.Bytes()});
  if (key_jobs_.size() > 0) {
    Send("add_keys", {Binary(now_ + kDay), key_hashes_.Bytes(), key_jobs_.Bytes()});
  }
  for (PgArray* const array : {&new_jobs_, &new_args_, &key_hashes_, &key_jobs_}) array->Clear();
}

void BarePostgres::Send(const char* statement, const std::vector<std::string_view>& params) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const std::string_view param : params) {
    values.push_back(param.data());
    lengths.push_back(static_cast<int>(param.size()));
  }
  const std::vector<int> formats(params.size(), 1);
  if (PQsendQueryPrepared(connection_.get(), statement, static_cast<int>(params.size()),
                          values.data(), lengths.data(), formats.data(), 1) != 1) {
    Fail(statement);
  }
  ++sent_;
}

BarePostgres::Result BarePostgres::Sync() {
  if (PQpipelineSync(connection_.get()) != 1) Fail("sync");
  Result last(nullptr, PQclear);
  for (; sent_ > 0; --sent_) last = TakeResult();
  const Result end(PQgetResult(connection_.get()), PQclear);
  if (PQresultStatus(end.get()) != PGRES_PIPELINE_SYNC) Fail("sync");
  return last;
}

BarePostgres::Result BarePostgres::TakeResult() {
  Result result(PQgetResult(connection_.get()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) Fail("a statement");
  PQgetResult(connection_.get());  // The end of it: null.
  return result;
}

}  // namespace outlive::bench
