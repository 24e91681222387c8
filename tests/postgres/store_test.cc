// What PostgresStore promises beyond the port: hosts' transactions, the function for other
// languages, the views, wake-ups of other stores, and what it refuses.
#include "outlive/store/postgres_store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/mutex.h"
#include "outlive/engine/client.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::AllEvents;
using conformance::ClaimDue;
using conformance::EventsOf;
using conformance::InsertAndClaim;
using conformance::KeyedJob;
using conformance::MakeJob;
using conformance::MustGet;
using conformance::MustInsert;
using conformance::RequireOk;
using conformance::StateOf;
using conformance::Value;

std::unique_ptr<PostgresStore> Open(const TestSchema& schema, PostgresStoreOptions options = {}) {
  options.schema = schema.name();
  return Value(PostgresStore::Open(schema.conninfo(), options));
}

// A store in a schema of its own, by the server's clock, and a host's connection to its database.
struct Site {
  explicit Site(const PostgresStoreOptions& options = {.watch = false})
      : store(Open(schema, options)) {}

  // As in "SELECT {}.enqueue(…)".
  std::string Sql(std::string_view text) const {
    return fmt::format(fmt::runtime(text), schema.name());
  }
  std::string Ask(std::string_view text) { return host.Query(Sql(text)); }

  TestSchema schema;
  std::unique_ptr<PostgresStore> store;
  Connection host{schema.conninfo()};
};

JobId EnqueueIn(Site& site, const NewJob& job) {
  const std::unique_ptr<StoreTransaction> joined = Value(site.store->Join(site.host.get()));
  return Value(Value(joined->Insert({&job, 1}))[0]).id;
}

// Waits for a wake-up that says something about work.
class Woken {
 public:
  std::function<void(WakeHint)> callback() {
    return [this](WakeHint hint) {
      MutexLock lock(mutex_);
      work_ = work_ || hint.work;
      changed_.NotifyAll();
    };
  }
  bool AwaitWork() {
    MutexLock lock(mutex_);
    while (!work_) {
      if (!changed_.WaitFor(mutex_, std::chrono::seconds(60))) return false;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool work_ ABSL_GUARDED_BY(mutex_) = false;
};

// -- Hosts' transactions ----------------------------------------------------------------------

TEST_CASE("postgres store: a job commits with the host's rows, or not at all") {
  Site site;
  site.Ask("CREATE TABLE {}.orders (id bigint)");
  for (const bool commit : {true, false}) {
    site.Ask("BEGIN");
    site.Ask("INSERT INTO {}.orders VALUES (1)");
    const JobId id = EnqueueIn(site, MakeJob());
    CHECK(absl::IsNotFound(site.store->Get(id).status()));
    site.Ask(commit ? "COMMIT" : "ROLLBACK");
    CHECK(site.store->Get(id).ok() == commit);
    CHECK(site.Ask("SELECT count(*) FROM {}.orders") == "1");
  }
  const std::vector<ClaimedJob> claimed = ClaimDue(*site.store);
  REQUIRE(claimed.size() == 1);
  CHECK(EventsOf(*site.store, claimed[0].lease.job) == "enqueued claimed");
}

TEST_CASE("postgres store: a host's open transaction keeps nobody else waiting") {
  Site site;
  MustInsert(*site.store);
  site.Ask("BEGIN");
  const JobId waiting = EnqueueIn(site, MakeJob());
  CHECK(ClaimDue(*site.store).size() == 1);
  MustInsert(*site.store);
  site.Ask("COMMIT");
  CHECK(StateOf(*site.store, waiting) == JobState::kPending);
  CHECK(ClaimDue(*site.store).size() == 2);
}

// What the server calls now() is when the transaction began.
TEST_CASE("postgres store: jobs of a transaction that is old are as young as they are (G19)") {
  constexpr const char* kClock = "SELECT floor(extract(epoch FROM {}) * 1e6)::bigint";
  Site site;
  site.Ask("BEGIN");
  const std::string begun = site.host.Query(fmt::format(kClock, "now()"));
  site.Ask("SELECT pg_sleep(0.3)");
  CHECK(site.host.Query(fmt::format(kClock, "now()")) == begun);
  const absl::Time later =
      absl::FromUnixMicros(std::stoll(site.host.Query(fmt::format(kClock, "clock_timestamp()"))));
  CHECK(later - absl::FromUnixMicros(std::stoll(begun)) >= absl::Milliseconds(300));
  const JobId by_host = EnqueueIn(site, MakeJob());
  const JobId by_sql = std::stoll(site.Ask("SELECT {}.enqueue('mail.send', '{{}}')"));
  site.Ask("COMMIT");
  for (const JobId id : {by_host, by_sql}) {
    CHECK(MustGet(*site.store, id).created_at >= later);
    CHECK(MustGet(*site.store, id).run_at >= later);
  }
}

TEST_CASE("postgres store: a completion commits with the handler's rows") {
  Site site;
  const ClaimedJob job = InsertAndClaim(*site.store);
  site.Ask("CREATE TABLE {}.effects (job bigint)");
  const Finished done = conformance::EndOf(job.lease, Transition::kComplete);
  const auto complete = [&] {
    return Value(Value(site.store->Join(site.host.get()))->Finish({&done, 1}))[0];
  };
  site.Ask("BEGIN");
  site.Ask("INSERT INTO {}.effects VALUES (1)");
  RequireOk(complete());
  site.Ask("ROLLBACK");
  CHECK(StateOf(*site.store, job.lease.job) == JobState::kRunning);
  site.Ask("BEGIN");
  site.Ask("INSERT INTO {}.effects VALUES (1)");
  RequireOk(complete());
  site.Ask("COMMIT");
  CHECK(StateOf(*site.store, job.lease.job) == JobState::kCompleted);
  CHECK(site.Ask("SELECT count(*) FROM {}.effects") == "1");
  MustInsert(*site.store);  // Takes what the host has left into the log.
  CHECK(EventsOf(*site.store, job.lease.job) == "enqueued claimed completed");
}

TEST_CASE("postgres store: what fails in a host's transaction leaves the host's work alone") {
  Site site;
  site.Ask("CREATE TABLE {}.orders (id bigint)");
  site.Ask("BEGIN");
  site.Ask("INSERT INTO {}.orders VALUES (1)");
  {
    const std::unique_ptr<StoreTransaction> joined = Value(site.store->Join(site.host.get()));
    const std::vector<NewJob> jobs(limits::kInsertJobCountMax + 1, MakeJob());
    CHECK(absl::IsInvalidArgument(joined->Insert(jobs).status()));
    CHECK(absl::IsFailedPrecondition(joined->Insert({jobs.data(), 1}).status()));
    CHECK(absl::IsFailedPrecondition(joined->Commit()));
  }
  EnqueueIn(site, MakeJob());
  site.Ask("COMMIT");
  CHECK(site.Ask("SELECT count(*) FROM {}.orders") == "1");
  CHECK(conformance::ListAll(*site.store).size() == 1);
}

TEST_CASE("postgres store: it joins only an open transaction on its own database") {
  Site site;
  CHECK(absl::IsFailedPrecondition(site.store->Join(site.host.get()).status()));
  CHECK(absl::IsFailedPrecondition(site.store->Join(static_cast<sqlite3*>(nullptr)).status()));
  site.Ask("BEGIN");
  CHECK(site.host.Try("SELECT 1 / 0") == "22012");
  CHECK(absl::IsFailedPrecondition(site.store->Join(site.host.get()).status()));
  site.Ask("ROLLBACK");

  Connection other(site.schema.server().conninfo("postgres"));
  other.Query("BEGIN");
  CHECK(absl::IsFailedPrecondition(site.store->Join(other.get()).status()));
  CHECK(other.Query("SELECT 1") == "1");  // Its transaction is as it was.
}

TEST_CASE("postgres store: many large payloads are written in parts") {
  // However long a busy disk takes for a commit of 40 MiB.
  Site site(
      {.watch = false, .statement_timeout = absl::Minutes(2), .read_timeout = absl::Minutes(2)});
  const NewJob large = MakeJob(conformance::kKind, std::string(limits::kPayloadBytesMax, 'a'));
  const std::vector<absl::StatusOr<Inserted>> inserted =
      conformance::InsertAll(*site.store, std::vector<NewJob>(40, large));
  CHECK(Value(inserted.back()).id > Value(inserted.front()).id);
  std::vector<Finished> ends;
  for (const ClaimedJob& job : ClaimDue(*site.store)) {
    CHECK(job.args.size() == limits::kPayloadBytesMax);
    ends.push_back(conformance::EndOf(job.lease, Transition::kComplete));
    ends.back().output.assign(limits::kPayloadBytesMax, 'o');
  }
  REQUIRE(ends.size() == 40);
  for (const absl::Status& status : conformance::FinishAll(*site.store, ends)) RequireOk(status);
  CHECK(site.Ask("SELECT count(*) FROM {}.output WHERE octet_length(bytes) = 1048576") == "40");
}

// -- Other languages, and people --------------------------------------------------------------

TEST_CASE("postgres store: SQL adds jobs as C++ does") {
  Site site;
  const std::string id = site.Ask(
      R"(SELECT {}.enqueue('mail.send', '{{"to": "ann"}}',
                           '{{"queue": "post", "priority": 2, "attempt_count_max": 7,
                             "partition_key": "p", "tags": ["a", "b"]}}'))");
  const Job job = MustGet(*site.store, std::stoll(id));
  CHECK(job.kind == "mail.send");
  CHECK(job.queue == "post");
  CHECK(job.args == R"({"to": "ann"})");
  CHECK(job.priority == 2);
  CHECK(job.attempt_count_max == 7);
  CHECK(job.partition_key == "p");
  CHECK(job.tags == std::vector<std::string>{"a", "b"});
  CHECK(conformance::ListAll(*site.store, {.tag = "b"}).size() == 1);
  CHECK(conformance::LaneOf(*site.store, "post").pending == 1);
  const JobId next = MustInsert(*site.store);
  CHECK(next > job.id);
  CHECK(EventsOf(*site.store, job.id) == "enqueued");

  RequireOk(conformance::OpenSession(*site.store));
  const ClaimResult claimed = conformance::Claim(
      *site.store, conformance::RequestOf(conformance::kSession, {"mail.send"}, {{"post", 9}}));
  CHECK(claimed.jobs.size() == 1);
}

TEST_CASE("postgres store: a key is one for SQL and C++") {
  Site site;
  const JobId first = MustInsert(*site.store, KeyedJob("key 1", R"({"n": 1})"));
  const auto enqueue = [&](std::string_view args, std::string_view key) {
    return fmt::format(
        "SELECT {}.enqueue('mail.send', '{}', jsonb_build_object('idempotency_key', '{}'))",
        site.schema.name(), args, key);
  };
  CHECK(site.host.Query(enqueue(R"({"n": 1})", "key 1")) == std::to_string(first));
  CHECK(site.host.Try(enqueue(R"({"n": 2})", "key 1")) == "23505");
  for (const std::size_t size : {1, 54, 55, 56, 63, 64, 119, 200}) {
    const std::string key(size, 'k');
    const std::string id = site.host.Query(enqueue("{}", key));
    const Inserted same = Value(conformance::InsertOne(*site.store, KeyedJob(key)));
    CHECK(same.duplicate);
    CHECK(std::to_string(same.id) == id);
  }
}

TEST_CASE("postgres store: SQL refuses what C++ refuses") {
  Site site;
  for (const std::string_view call :
       {"'not ok', '{{}}', '{{}}'", "'k', NULL, '{{}}'", "'k', '{{}}', '{{\"priority\": 10}}'",
        "'k', '{{}}', '{{\"queue\": \"\"}}'", "'k', '{{}}', '{{\"attempt_count_max\": 0}}'",
        "'k', '{{}}', '{{\"delay_seconds\": -1}}'", "'k', '{{}}', '{{\"tags\": [\"a b\"]}}'",
        "'k', '{{}}', '{{\"prio\": 1}}'",
        "'k', '{{}}', '{{\"idempotency_key\": \"x\", \"idempotency_window_seconds\": 0}}'"}) {
    CAPTURE(call);
    CHECK(site.host.Try(site.Sql(fmt::format("SELECT {{}}.enqueue({})", call))) == "22023");
  }
  CHECK(conformance::ListAll(*site.store).empty());
}

TEST_CASE("postgres store: a trigger adds a job for each row of the host's, in its transaction") {
  Site site;
  site.Ask("CREATE TABLE {}.orders (id bigint)");
  site.Ask(
      "CREATE FUNCTION {0}.on_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM"
      " {0}.enqueue('mail.send', jsonb_build_object('order', NEW.id)); RETURN NULL; END $$");
  site.Ask(
      "CREATE TRIGGER on_order AFTER INSERT ON {0}.orders FOR EACH ROW"
      " EXECUTE FUNCTION {0}.on_order()");
  site.Ask("INSERT INTO {}.orders VALUES (1), (2)");
  site.Ask("BEGIN");
  site.Ask("INSERT INTO {}.orders VALUES (3)");
  site.Ask("ROLLBACK");
  const std::vector<Job> jobs = conformance::ListAll(*site.store);
  REQUIRE(jobs.size() == 2);
  std::vector<std::string> args;
  for (const Job& job : jobs) args.push_back(MustGet(*site.store, job.id).args);
  std::sort(args.begin(), args.end());
  CHECK(args == std::vector<std::string>{R"({"order": 1})", R"({"order": 2})"});
  CHECK(ClaimDue(*site.store).size() == 2);
  for (const Job& job : jobs) CHECK(EventsOf(*site.store, job.id) == "enqueued claimed");
}

TEST_CASE("postgres store: people read jobs, lanes and events") {
  Site site;
  const ClaimedJob job = InsertAndClaim(*site.store);
  RequireOk(conformance::FinishOne(
      *site.store, conformance::Failed(job.lease, Transition::kDie, "no such customer")));
  CHECK(site.Ask("SELECT state FROM {}.jobs") == "dead");
  CHECK(site.Ask("SELECT last_error FROM {}.jobs") == "no such customer");
  CHECK(site.Ask("SELECT dead FROM {}.lanes WHERE queue = 'default'") == "1");
  CHECK(site.Ask("SELECT string_agg(type, ' ' ORDER BY seq) FROM {}.events") ==
        "enqueued claimed dead");
  CHECK(site.Ask("SELECT now() - ended_at < interval '1 hour' FROM {}.jobs") == "t");
}

TEST_CASE("postgres store: nobody writes into jobs, lanes and events") {
  Site site;
  const JobId job = MustInsert(*site.store);
  for (const std::string_view statement :
       {"INSERT INTO {}.jobs (id, queue, kind) VALUES (7, 'default', 'mail.send')",
        "INSERT INTO {}.lanes (queue, kind, pending) VALUES ('default', 'mail.send', 1)",
        "INSERT INTO {}.events (seq, job) VALUES (7, 7)", "UPDATE {}.jobs SET priority = 0",
        "DELETE FROM {}.jobs", "DELETE FROM {}.events"}) {
    CAPTURE(statement);
    CHECK(site.host.Try(site.Sql(statement)) == "55000");
  }
  CHECK(conformance::ListAll(*site.store).size() == 1);
  CHECK(EventsOf(*site.store, job) == "enqueued");
}

TEST_CASE("postgres store: gauges tell of open transactions, and of what hosts have left") {
  Site site;
  site.Ask("BEGIN");
  EnqueueIn(site, MakeJob());
  const PostgresGauges open = Value(site.store->Gauges());
  CHECK(open.oldest_transaction > absl::ZeroDuration());
  CHECK(open.inbox_rows == 0);
  const PostgresGauges later = Value(site.store->Gauges());
  CHECK(later.oldest_transaction > open.oldest_transaction);
  site.Ask("COMMIT");
  CHECK(Value(site.store->Gauges()).inbox_rows == 1);
  MustInsert(*site.store);
  CHECK(Value(site.store->Gauges()).inbox_rows == 0);
}

// Statistics are told by who has done it, in a while or when asked to.
TEST_CASE("postgres store: gauges tell of rows that are there, and of those in the way (G13)") {
  Site site;
  site.Ask("SELECT count({}.enqueue('mail.send', '{{}}')) FROM generate_series(1, 10)");
  site.Ask("DELETE FROM {0}.live WHERE job IN (SELECT job FROM {0}.live LIMIT 4)");
  site.Ask("SELECT pg_stat_force_next_flush()");
  const PostgresGauges gauges = Value(site.store->Gauges());
  CHECK(gauges.live_rows == 6);
  CHECK(gauges.dead_rows == 4);
}

// -- Time -------------------------------------------------------------------------------------

TEST_CASE("postgres store: its time is the server's") {
  Site site;
  const JobId id = MustInsert(*site.store);
  const std::string server = site.Ask("SELECT (extract(epoch FROM now()) * 1e6)::bigint");
  const absl::Time now = absl::FromUnixMicros(std::stoll(server));
  CHECK(MustGet(*site.store, id).created_at <= now);
  CHECK(site.store->clock().Now() >= MustGet(*site.store, id).created_at);
  CHECK(Value(site.store->Stats()).now >= now);
}

// -- Wake-ups ---------------------------------------------------------------------------------

TEST_CASE("postgres store: a commit wakes the subscribers of other stores") {
  // Nobody looks for longer than the test may take: only a word from the other can wake.
  const PostgresStoreOptions options{.poll_interval = absl::Hours(1)};
  Site site(options);
  const std::unique_ptr<PostgresStore> other = Open(site.schema, options);
  Woken woken;
  const std::unique_ptr<Subscription> subscription = other->Subscribe(woken.callback());
  // It listens once its first look is done; what was committed before that is found by the look.
  MustInsert(*site.store);
  CHECK(woken.AwaitWork());
}

// How often the server was told such a statement; it logs all of them.
int CountStatements(const PostgresServer& server, std::string_view text) {
  const std::string log = server.Log();
  int count = 0;
  for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST_CASE("postgres store: only a store that has subscribers listens to others") {
  const PostgresServer server({.settings = {"log_statement = all"}});
  const PostgresStoreOptions options{.schema = "jobs", .poll_interval = absl::Hours(1)};
  const auto silent = Value(PostgresStore::Open(server.conninfo(), options));
  const auto other = Value(PostgresStore::Open(server.conninfo(), options));
  Woken other_woken;
  const auto of_other = other->Subscribe(other_woken.callback());
  // Whoever has told others has a connection on which to listen.
  while (CountStatements(server, "SELECT pg_notify(") == 0) MustInsert(*silent);
  CHECK(other_woken.AwaitWork());
  CHECK(CountStatements(server, "LISTEN outlive_") == 1);

  Woken woken;
  const auto of_silent = silent->Subscribe(woken.callback());
  while (CountStatements(server, "LISTEN outlive_") == 1) MustInsert(*other);
  MustInsert(*other);  // Is heard of, or found by the look that comes after LISTEN.
  CHECK(woken.AwaitWork());
}

TEST_CASE("postgres store: a host's commit wakes subscribers, and gets into the log") {
  Site site({.poll_interval = absl::Hours(1)});
  Woken woken;
  const std::unique_ptr<Subscription> subscription = site.store->Subscribe(woken.callback());
  site.Ask("BEGIN");
  const JobId id = EnqueueIn(site, MakeJob());
  site.Ask("COMMIT");
  CHECK(woken.AwaitWork());
  CHECK(EventsOf(*site.store, id) == "enqueued");
}

TEST_CASE("postgres store: it works behind PgBouncer, and looks instead of listening") {
  const PoolerProcess pooler(SharedServer(), 4);
  const TestSchema schema;
  PostgresStoreOptions options{.schema = schema.name(),
                               .transaction_pooling = true,
                               .poll_interval = absl::Milliseconds(20)};
  const std::unique_ptr<PostgresStore> first =
      Value(PostgresStore::Open(pooler.conninfo(), options));
  const std::unique_ptr<PostgresStore> second =
      Value(PostgresStore::Open(pooler.conninfo(), options));
  Woken woken;
  const std::unique_ptr<Subscription> subscription = second->Subscribe(woken.callback());
  for (int i = 0; i < 20; ++i) MustInsert(*first);
  CHECK(woken.AwaitWork());
  for (const ClaimedJob& job : ClaimDue(*second)) {
    RequireOk(conformance::FinishOne(*second, job, Transition::kComplete));
  }
  CHECK(conformance::LaneOf(*first).completed == 20);
}

TEST_CASE("postgres store: it bears that a table changes under it") {
  Site site;
  const JobId job = conformance::JobIn(*site.store, JobState::kDead);
  CHECK(MustGet(*site.store, job).errors.size() == 1);
  const auto requeue = [&]() -> absl::Status {
    const Change change{.id = job, .action = Change::Action::kRequeue, .reason = {}};
    return conformance::InTransaction(
        *site.store, [&](StoreTransaction& tx) { return tx.Apply({&change, 1}).status(); });
  };
  RequireOk(requeue());
  // What is prepared on the connections of both would give another type now.
  site.Ask("ALTER TABLE {}.error ALTER COLUMN code TYPE bigint");
  CHECK(MustGet(*site.store, job).errors.size() == 1);
  RequireOk(requeue());
}

// -- What it refuses --------------------------------------------------------------------------

TEST_CASE("postgres store: a schema that is newer than the library is refused") {
  Site site;
  site.Ask("UPDATE {}.meta SET value = '1000' WHERE name = 'schema_version'");
  PostgresStoreOptions options;
  options.schema = site.schema.name();
  const absl::Status refused = PostgresStore::Open(site.schema.conninfo(), options).status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(refused.message().find("1000") != std::string::npos);
}

TEST_CASE("postgres store: all faults of the options are named at once") {
  PostgresStoreOptions options;
  options.schema = "Not; ok";
  options.reader_count_max = 0;
  options.read_timeout = absl::ZeroDuration();
  const absl::Status refused = PostgresStore::Open("host=/nowhere", options).status();
  CHECK(absl::IsInvalidArgument(refused));
  for (const char* const name : {"schema", "reader_count_max", "read_timeout"}) {
    CHECK(refused.message().find(name) != std::string::npos);
  }
}

TEST_CASE("postgres store: the password is in no error") {
  constexpr const char* kSecret = "hunter2";
  for (const std::string conninfo :
       {"host=127.0.0.1 port=1 password=hunter2 user=u", "password=x'hunter2' host=/nowhere oops",
        "postgresql://u:hunter2@127.0.0.1:1/db", "postgresql://u:hunter2@[::1/db",
        "password hunter2"}) {
    CAPTURE(conninfo);
    const absl::Status refused = PostgresStore::Open(conninfo).status();
    CHECK_FALSE(refused.ok());
    CHECK(refused.ToString().find(kSecret) == std::string::npos);
  }
}

TEST_CASE("postgres store: two stores in one database know nothing of one another") {
  Site site;
  Site other;
  MustInsert(*site.store);
  CHECK(conformance::ListAll(*other.store).empty());
  CHECK(site.store->info().store_id != other.store->info().store_id);
}

}  // namespace
}  // namespace outlive::testing
