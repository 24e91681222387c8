// Transactions that the server chooses as the victim of a deadlock are undone, and say so.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <thread>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::Value;

constexpr int kTriesMax = 50;

TEST_CASE("a batch that was chosen as the victim of a deadlock can be made again (G06)") {
  // The store's session looks for deadlocks after a moment, the other one never: who is the victim
  // is not left to chance, but for who asks first.
  PostgresServer server({.settings = {"deadlock_timeout = 300ms"}});
  PostgresStoreOptions options;
  options.schema = "jobs";
  const auto store = Value(PostgresStore::Open(server.conninfo(), options));
  Connection other(server.address().admin_conninfo());
  other.Query("SET deadlock_timeout = '1h'");
  Connection watcher(server.address().admin_conninfo());
  const auto deadlocks = [&] {
    return watcher.Query("SELECT deadlocks FROM pg_stat_database WHERE datname = 'app'");
  };
  const std::string before = deadlocks();
  for (int tries = 0; tries < kTriesMax && deadlocks() == before; ++tries) {
    const JobId first = conformance::MustInsert(*store);
    const JobId second = conformance::MustInsert(*store);
    const auto lock = [](JobId id) {
      return fmt::format("SELECT job FROM jobs.live WHERE job = {} FOR UPDATE", id);
    };
    other.Query("BEGIN");
    other.Query(lock(second));
    const Change changes[] = {{.id = first, .action = Change::Action::kCancel, .reason = {}},
                              {.id = second, .action = Change::Action::kCancel, .reason = {}}};
    const auto cancel = [&] {
      auto transaction = Value(store->Begin());
      const absl::Status status = transaction->Apply(changes).status();
      return status.ok() ? transaction->Commit() : status;
    };
    absl::Status cancelled;
    std::thread batch([&] { cancelled = cancel(); });
    while (watcher.Query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                         " AND usename = 'app'") != "1") {
    }
    other.Query(lock(first));
    other.Query("COMMIT");
    batch.join();
    if (!cancelled.ok()) {
      CHECK_MESSAGE(absl::IsUnavailable(cancelled), cancelled.ToString());
      CHECK(conformance::StateOf(*store, first) == JobState::kPending);
      CHECK(conformance::StateOf(*store, second) == JobState::kPending);
      CHECK(cancel().ok());
    }
    CHECK(conformance::StateOf(*store, first) == JobState::kCancelled);
    CHECK(conformance::StateOf(*store, second) == JobState::kCancelled);
  }
  CHECK(deadlocks() != before);
}

}  // namespace
}  // namespace outlive::testing
