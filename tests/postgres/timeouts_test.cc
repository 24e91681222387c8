// The server gives up what takes too long: at lock_timeout, at statement_timeout. Each thing that a
// runner does all the time is made to run into both, at each of the tables it needs.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "store/postgres/schema.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

// On a busy machine what is in nobody's way takes long, too, now and then.
constexpr int kTriesMax = 100;

struct Site {
  // Behind `pooler`, where there is one.
  explicit Site(PostgresStoreOptions options, const PoolerProcess* pooler = nullptr) {
    options.transaction_pooling = pooler != nullptr;
    options.clock = &clock;
    options.schema = schema.name();
    options.watch = false;
    beside = Value(PostgresStore::Open(schema.conninfo(),
                                       {.clock = &clock, .schema = schema.name(), .watch = false}));
    store = Value(
        PostgresStore::Open(pooler == nullptr ? schema.conninfo() : pooler->conninfo(), options));
    RequireOk(conformance::OpenSession(*beside, conformance::kSession, absl::Hours(1)));
  }

  // As in "SELECT … FROM {}.session".
  std::string Ask(std::string_view text) {
    return host.Query(fmt::format(fmt::runtime(text), schema.name()));
  }

  // Everything that anybody could have written.
  std::string Contents() {
    std::string text = conformance::Snapshot(*beside);
    for (const char* const table : {"session", "live", "ended", "key", "event_batch"}) {
      text += Ask(fmt::format(
          "SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM {{}}.{} r",
          table));
    }
    return text;
  }

  TestSchema schema;
  VirtualClock clock;
  std::unique_ptr<PostgresStore> beside;
  std::unique_ptr<PostgresStore> store;
  Connection host{schema.conninfo()};
  int number = 0;
};

// What is done, with one job each time; and what it needs that a host may keep.
struct Step {
  std::string_view name;
  std::vector<std::string_view> needs;
  std::function<void(Site&)> prepare;
  std::function<absl::StatusOr<std::size_t>(StoreTransaction&)> work;
};

constexpr std::string_view kLog = "the log's lock";

Step Claiming() {
  return {"claim",
          {"session", "lane", "queue", "live", "job", "lane_count", "event_batch", kLog},
          [](Site& site) { conformance::MustInsert(*site.beside); },
          [](StoreTransaction& transaction) -> absl::StatusOr<std::size_t> {
            const absl::StatusOr<ClaimResult> claimed = transaction.Claim(conformance::RequestOf());
            if (!claimed.ok()) return claimed.status();
            return claimed->jobs.size();
          }};
}

Step Sweeping() {
  return {"rescue",
          {"session", "live", "job", "error", "ended", "lane_count", kLog},
          [](Site& site) {
            const std::string session = fmt::format("lost-{}", ++site.number);
            conformance::InsertAndClaim(*site.beside, conformance::MakeJob(), session);
            site.clock.Advance(2 * conformance::kLease);
          },
          [](StoreTransaction& transaction) -> absl::StatusOr<std::size_t> {
            // So that it is dead, and in nobody's way.
            const auto rescued = transaction.Rescue({.job_count_max = 10, .crash_count_max = 1});
            if (!rescued.ok()) return rescued.status();
            return rescued->size();
          }};
}

Step Pruning() {
  return {"prune",
          {"ended", "job", "key", "event_batch", "lane_count"},
          [](Site& site) {
            NewJob job = conformance::KeyedJob(fmt::format("key-{}", ++site.number));
            job.idempotency_window = absl::Seconds(10);
            conformance::JobIn(*site.beside, JobState::kCompleted, job);
            site.clock.Advance(absl::Minutes(1));
          },
          [](StoreTransaction& transaction) -> absl::StatusOr<std::size_t> {
            const absl::StatusOr<PruneResult> pruned =
                transaction.Prune({.keep_completed = absl::Seconds(30)});
            if (!pruned.ok()) return pruned.status();
            return static_cast<std::size_t>(pruned->job_count);
          }};
}

absl::StatusOr<std::size_t> Do(Site& site, const Step& step) {
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = site.store->Begin();
  if (!transaction.ok()) return transaction.status();
  absl::StatusOr<std::size_t> count = step.work(**transaction);
  if (!count.ok()) return count;
  if (absl::Status committed = (*transaction)->Commit(); !committed.ok()) return committed;
  return count;
}

// As everybody does who is told kUnavailable.
absl::StatusOr<std::size_t> DoAgain(Site& site, const Step& step) {
  absl::StatusOr<std::size_t> count = Do(site, step);
  for (int tries = 0; tries < kTriesMax && absl::IsUnavailable(count.status()); ++tries) {
    count = Do(site, step);
  }
  return count;
}

// `state`: what the server says when it gives up.
void RunInto(Site& site, const Step& step, std::string_view state) {
  for (const std::string_view need : step.needs) {
    CAPTURE(step.name);
    CAPTURE(need);
    step.prepare(site);
    const std::string before = site.Contents();
    site.Ask("BEGIN");
    if (need == kLog) {
      site.Ask(fmt::format("SELECT pg_advisory_xact_lock({})",
                           postgres::LockKey(site.schema.name(), postgres::Lock::kLog)));
    } else {
      site.Ask(fmt::format("LOCK TABLE {{}}.{} IN ACCESS EXCLUSIVE MODE", need));
    }
    const absl::Status refused = Do(site, step).status();
    CHECK_MESSAGE(absl::IsUnavailable(refused), refused.ToString());
    CHECK_MESSAGE(
        std::string_view(refused.message().data(), refused.message().size()).find(state) !=
            std::string_view::npos,
        refused.ToString());
    site.Ask("COMMIT");
    CHECK(site.Contents() == before);
    CHECK(Value(DoAgain(site, step)) == 1);
  }
}

TEST_CASE("what runs into lock_timeout is undone, and works again afterwards (G16)") {
  PostgresStoreOptions options;
  options.lock_timeout = absl::Milliseconds(100);
  Site site(options);
  for (const Step& step : {Claiming(), Sweeping(), Pruning()}) RunInto(site, step, "55P03");
}

TEST_CASE("what runs into statement_timeout is undone, and works again afterwards (G16)") {
  PostgresStoreOptions options;
  options.statement_timeout = absl::Milliseconds(200);
  Site site(options);
  for (const Step& step : {Claiming(), Sweeping(), Pruning()}) RunInto(site, step, "57014");
}

TEST_CASE("behind PgBouncer the server gives up at the same time-outs (G16)") {
  const PoolerProcess pooler(SharedServer(), 4);
  PostgresStoreOptions options;
  SUBCASE("at lock_timeout") {
    options.lock_timeout = absl::Milliseconds(100);
    Site site(options, &pooler);
    for (const Step& step : {Claiming(), Sweeping(), Pruning()}) RunInto(site, step, "55P03");
  }
  SUBCASE("at statement_timeout") {
    options.statement_timeout = absl::Milliseconds(200);
    Site site(options, &pooler);
    for (const Step& step : {Claiming(), Sweeping(), Pruning()}) RunInto(site, step, "57014");
  }
}

TEST_CASE("behind PgBouncer reads are given up at the same time-outs, too (G16)") {
  const PoolerProcess pooler(SharedServer(), 4);
  PostgresStoreOptions options;
  options.read_timeout = absl::Milliseconds(200);
  Site site(options, &pooler);
  const JobId job = conformance::MustInsert(*site.beside);
  site.Ask("BEGIN");
  site.Ask("LOCK TABLE {0}.job, {0}.event_batch IN ACCESS EXCLUSIVE MODE");
  // In a transaction, and by one statement.
  CHECK(absl::IsDeadlineExceeded(site.store->Get(job).status()));
  CHECK(absl::IsDeadlineExceeded(site.store->LastEvent().status()));
  site.Ask("COMMIT");
  CHECK(conformance::MustGet(*site.store, job).id == job);
}

// What a process that is stopped holds gets free.
TEST_CASE("behind PgBouncer a transaction that does nothing is ended at idle_timeout (G12)") {
  const PoolerProcess pooler(SharedServer(), 4);
  PostgresStoreOptions options;
  options.idle_timeout = absl::Milliseconds(200);
  Site site(options, &pooler);
  const Step step = Claiming();
  step.prepare(site);
  auto stopped = Value(site.store->Begin());
  CHECK(Value(step.work(*stopped)) == 1);
  site.Ask("BEGIN");
  site.Ask("LOCK TABLE {}.live IN ACCESS EXCLUSIVE MODE");  // Waits until it is.
  site.Ask("COMMIT");
  CHECK_FALSE(stopped->Commit().ok());
  stopped.reset();
  CHECK(Value(DoAgain(site, step)) == 1);
}

TEST_CASE("behind PgBouncer the next user of a connection finds it as it was (G12)") {
  const PoolerProcess pooler(SharedServer(), 1);
  Site site({}, &pooler);
  Connection next(pooler.conninfo());
  const auto settings = [&] {
    return next.Query(
        "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings"
        " WHERE name NOT LIKE 'outlive_transaction.%'");
  };
  const std::string before = settings();
  const std::string connection = next.Query("SELECT pg_backend_pid()");
  conformance::MustInsert(*site.store);
  CHECK(conformance::ClaimDue(*site.store).size() == 1);
  CHECK(conformance::ListAll(*site.store).size() == 1);
  CHECK(settings() == before);
  CHECK(next.Query("SELECT pg_backend_pid()") == connection);
}

}  // namespace
}  // namespace outlive::testing
