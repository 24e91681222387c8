// Leases are kept beside whatever else a process writes, sweeps among it: each Upkeep has a
// connection of its own.
#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/describe/class.hpp>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "outlive/conformance/helpers.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

struct Report {
  static constexpr std::string_view kKind = "report.render";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Report, (), (number))

// Whether somebody waits for what the connection has locked.
bool IsWaitedFor(const Connection& holder, Connection& watcher) {
  return watcher.Query(
             fmt::format("SELECT count(*) > 0 FROM pg_locks WHERE {} = ANY (pg_blocking_pids(pid))",
                         holder.backend_id())) == "t";
}

void AwaitWaiting(const Connection& holder, Connection& watcher) {
  while (!IsWaitedFor(holder, watcher)) {
  }
}

// Our transaction waits for as long as the host's takes, and both for longer than the lease.
TEST_CASE("a row that a host holds for longer than a lease costs no job its lease (G17)") {
  const TestSchema schema;
  const PostgresStoreOptions options{.schema = schema.name(),
                                     .statement_timeout = absl::Minutes(5),
                                     .lock_timeout = absl::Minutes(5)};
  const auto store = Value(PostgresStore::Open(schema.conninfo(), options));
  const auto elsewhere = Value(PostgresStore::Open(schema.conninfo(), options));
  Connection host(schema.conninfo());
  Connection watcher(schema.conninfo());
  Client client(*store);
  std::promise<void> entered;
  std::promise<void> report;
  std::promise<void> release;
  WorkerSet workers;
  workers.Add<Report>([&](JobContext& job, const Report&) {
    entered.set_value();
    report.get_future().wait();
    job.ReportProgress(0.5);  // To be written, too, by a transaction that waits.
    release.get_future().wait();
    return Done();
  });
  const JobId later = Value(client.Enqueue(Report{1}, {.delay = absl::Hours(1)})).id;
  const JobId id = Value(client.Enqueue(Report{2})).id;
  Runner runner(client, workers, {.lease = absl::Seconds(2)});
  RequireOk(runner.Start());
  entered.get_future().wait();
  const Job before = Value(client.Get(id));

  host.Query("BEGIN");
  host.Query(fmt::format("SELECT FROM {}.live WHERE job = {} FOR UPDATE", schema.name(), later));
  absl::StatusOr<JobState> cancelled = absl::UnknownError("not yet");
  std::thread waits([&] { cancelled = client.Cancel(later); });
  AwaitWaiting(host, watcher);
  report.set_value();
  watcher.Query("SELECT pg_sleep(5)");
  CHECK(conformance::RescueAll(*elsewhere) == 0);
  const Job after = Value(client.Get(id));
  CHECK(after.state == JobState::kRunning);
  CHECK(after.fence == before.fence);
  CHECK(after.session == before.session);
  host.Query("COMMIT");
  waits.join();
  CHECK(Value(cancelled) == JobState::kCancelled);

  release.set_value();
  const Job ended = Value(client.WaitFor(id, store->clock().Now() + absl::Minutes(1)));
  CHECK(ended.state == JobState::kCompleted);
  CHECK(ended.fence == before.fence);
  CHECK(ended.attempt == 1);
  CHECK(ended.crashes == 0);
  CHECK(ended.progress == 0.5);
  runner.Stop(absl::Minutes(1));
}

// A host's row that refers to a job keeps the sweep from deleting it.
TEST_CASE("a lease is renewed while a sweep waits for a row that a host holds (G17)") {
  const TestSchema schema;
  // Nobody gives up: what waits for the sweep, waits until the lease is over.
  const PostgresStoreOptions options{.schema = schema.name(),
                                     .begin_timeout = absl::Minutes(5),
                                     .statement_timeout = absl::Minutes(5),
                                     .lock_timeout = absl::Minutes(5)};
  const auto store = Value(PostgresStore::Open(schema.conninfo(), options));
  Connection host(schema.conninfo());
  Connection watcher(schema.conninfo());
  Client client(*store);
  std::promise<void> entered;
  std::promise<void> release;
  WorkerSet workers;
  workers.Add<Report>([&](JobContext&, const Report&) {
    entered.set_value();
    release.get_future().wait();
    return Done();
  });
  const JobId ended = Value(client.Enqueue(Report{1}, {.delay = absl::Hours(1)})).id;
  host.Query("BEGIN");
  host.Query(fmt::format("SELECT FROM {}.job WHERE id = {} FOR KEY SHARE", schema.name(), ended));
  CHECK(Value(client.Cancel(ended)) == JobState::kCancelled);
  const JobId id = Value(client.Enqueue(Report{2})).id;
  Runner runner(client, workers,
                {.lease = absl::Seconds(8),
                 .keep_cancelled = absl::ZeroDuration(),
                 .prune_interval = absl::Milliseconds(50)});
  RequireOk(runner.Start());
  entered.get_future().wait();
  AwaitWaiting(host, watcher);

  const std::string session =
      fmt::format("FROM {0}.session WHERE id = (SELECT session FROM {0}.live WHERE job = {1})",
                  schema.name(), id);
  const auto expiry = [&] { return watcher.Query("SELECT expires_at " + session); };
  const auto is_over = [&] {
    return watcher.Query("SELECT expires_at <= extract(epoch FROM clock_timestamp()) * 1000000 " +
                         session) == "t";
  };
  const std::string before = expiry();
  while (expiry() == before && !is_over()) {
  }
  CHECK(expiry() != before);
  CHECK_FALSE(is_over());
  CHECK(IsWaitedFor(host, watcher));

  host.Query("COMMIT");
  release.set_value();
  CHECK(Value(client.WaitFor(id, store->clock().Now() + absl::Minutes(1))).attempt == 1);
  while (client.Get(ended).ok()) {
  }
  runner.Stop(absl::Minutes(1));
}

TEST_CASE("where no connection is left for it, upkeep does with the other one (G11)") {
  PostgresServer server;
  Connection admin(server.address().admin_conninfo());
  const PostgresStoreOptions options{.watch = false, .begin_timeout = absl::Seconds(1)};
  const auto store = Value(PostgresStore::Open(server.conninfo(), options));
  RequireOk(conformance::OpenSession(*store));
  admin.Query("ALTER ROLE app CONNECTION LIMIT 1");
  const auto renew = [&] {
    auto leases = store->BeginUpkeep(Upkeep::kLeases);
    if (!leases.ok()) return leases.status();
    RequireOk((*leases)->RenewSession(conformance::kSession, absl::Minutes(1)));
    return (*leases)->Commit();
  };
  CHECK(renew().ok());
  {
    const std::unique_ptr<StoreTransaction> work = conformance::Begin(*store);
    CHECK(absl::IsUnavailable(renew()));  // There is but one.
  }
  admin.Query("ALTER ROLE app CONNECTION LIMIT -1");
  const std::unique_ptr<StoreTransaction> work = conformance::Begin(*store);
  // It tries again after a while.
  int tries = 0;
  while (!renew().ok() && ++tries < 60) {
  }
  CHECK(tries < 60);
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
