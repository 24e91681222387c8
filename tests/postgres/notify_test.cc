// How other processes are told of a commit: apart from the transaction that they are told of, and
// seldom. The server makes whoever commits a NOTIFY wait for whoever else does.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/clock.h"
#include "outlive/store/postgres_store.h"
#include "store/postgres/schema.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::MakeJob;
using conformance::Value;

constexpr int kEnqueues = 1'000;
constexpr absl::Duration kPause = absl::Milliseconds(50);

std::unique_ptr<PostgresStore> Open(const std::string& conninfo, const std::string& schema) {
  PostgresStoreOptions options;
  options.schema = schema;
  return Value(PostgresStore::Open(conninfo, options));
}

// Each in a transaction of its own. How many were committed.
int EnqueueOneByOne(JobStore& store, int count) {
  int done = 0;
  const NewJob job = MakeJob();
  for (int i = 0; i < count; ++i) {
    const absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = store.Begin();
    if (!transaction.ok() || !(*transaction)->Insert({&job, 1}).ok()) continue;
    if ((*transaction)->Commit().ok()) ++done;
  }
  return done;
}

// The same in transactions of a host.
int EnqueueForHost(JobStore& store, Connection& host, int count) {
  int done = 0;
  const NewJob job = MakeJob();
  for (int i = 0; i < count; ++i) {
    if (!host.Try("BEGIN").empty()) continue;
    const absl::StatusOr<std::unique_ptr<StoreTransaction>> joined = store.Join(host.get());
    if (joined.ok() && (*joined)->Insert({&job, 1}).ok() && host.Try("COMMIT").empty()) ++done;
  }
  return done;
}

// Hears what the stores of a schema tell one another.
class Listener {
 public:
  explicit Listener(const TestSchema& schema) : connection_(schema.conninfo()) {
    const std::int64_t lock = postgres::LockKey(schema.name(), postgres::Lock::kLog);
    connection_.Query(fmt::format("LISTEN outlive_{:016x}", static_cast<std::uint64_t>(lock)));
  }

  // Waits until there was one; whoever hears nothing waits for ever.
  void AwaitFirst() {
    for (Read(); heard_.empty(); Read()) {
      pollfd wait = {PQsocket(connection_.get()), POLLIN, 0};
      poll(&wait, 1, -1);
    }
  }

  // All that were sent before, by the backend that sent them.
  const std::map<int, int>& Heard() {
    connection_.Query("SELECT 1");
    Read();
    return heard_;
  }

 private:
  void Read() {
    REQUIRE(PQconsumeInput(connection_.get()) == 1);
    while (PGnotify* const notification = PQnotifies(connection_.get())) {
      ++heard_[notification->be_pid];
      PQfreemem(notification);
    }
  }

  Connection connection_;
  std::map<int, int> heard_;
};

TEST_CASE("a thousand enqueues at once send a notification every 50 ms, and no more (G15)") {
  const TestSchema schema;
  Listener listener(schema);
  const absl::Duration start = SystemClockInstance().SinceBoot();
  std::atomic<int> done = 0;
  {
    std::vector<std::unique_ptr<PostgresStore>> stores;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) stores.push_back(Open(schema.conninfo(), schema.name()));
    for (const auto& store : stores) {
      threads.emplace_back(
          [&, each = store.get()] { done += EnqueueOneByOne(*each, kEnqueues / 2); });
    }
    for (std::thread& thread : threads) thread.join();
    listener.AwaitFirst();
  }
  REQUIRE(done == kEnqueues);
  const std::map<int, int>& heard = listener.Heard();
  const absl::Duration took = SystemClockInstance().SinceBoot() - start;
  CHECK(heard.size() <= 2);
  for (const auto& [backend, count] : heard) {
    MESSAGE(count, " notifications of one store");
    CHECK((count - 1) * kPause <= took);
  }
}

// Somebody whose NOTIFY is being committed, and does not get done: he waits for a standby that
// never comes. Others who NOTIFY wait for him.
class StuckNotifier {
 public:
  explicit StuckNotifier(const PostgresServer& server)
      : admin_(server.address().admin_conninfo() + " options='-csynchronous_commit=local'"),
        stuck_(server.conninfo()) {
    admin_.Query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    admin_.Query("SELECT pg_reload_conf()");
    // Only who has written something waits for a standby. It takes the server a moment to know that
    // there is one; whoever commits before gets done.
    do {
      REQUIRE(PQsendQuery(stuck_.get(), "SELECT lo_create(0); NOTIFY somebody") == 1);
    } while (!IsStuck());
  }
  ~StuckNotifier() {
    admin_.Query("SELECT pg_cancel_backend($1::integer)", {std::to_string(stuck_.backend_id())});
    while (PGresult* const result = PQgetResult(stuck_.get())) PQclear(result);
  }
  StuckNotifier(const StuckNotifier&) = delete;
  StuckNotifier& operator=(const StuckNotifier&) = delete;

  bool HoldsLock() {
    return admin_.Query(
               "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND objid = 0"
               " AND classid = 'pg_database'::regclass AND mode = 'AccessExclusiveLock'"
               " AND granted AND pid = $1::integer",
               {std::to_string(stuck_.backend_id())}) == "1";
  }

 private:
  // False: it got done.
  bool IsStuck() {
    while (true) {
      REQUIRE(PQconsumeInput(stuck_.get()) == 1);
      if (PQisBusy(stuck_.get()) == 0) break;
      if (admin_.Query("SELECT wait_event FROM pg_stat_activity WHERE pid = $1::integer",
                       {std::to_string(stuck_.backend_id())}) == "SyncRep") {
        return HoldsLock();
      }
    }
    while (PGresult* const result = PQgetResult(stuck_.get())) PQclear(result);
    return false;
  }

  Connection admin_;
  Connection stuck_;
};

TEST_CASE("a thousand enqueues commit while somebody keeps the lock of NOTIFY (G15)") {
  PostgresServer server;
  const std::string conninfo = server.conninfo() + " options='-csynchronous_commit=local'";
  const auto first = Open(conninfo, "jobs");
  const auto second = Open(conninfo, "jobs");
  Connection host(conninfo);
  REQUIRE(EnqueueOneByOne(*first, 1) == 1);
  StuckNotifier notifier(server);
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { done += EnqueueOneByOne(*first, kEnqueues / 4); });
  threads.emplace_back([&] { done += EnqueueOneByOne(*second, kEnqueues / 4); });
  threads.emplace_back([&] { done += EnqueueForHost(*second, host, kEnqueues / 2); });
  for (std::thread& thread : threads) thread.join();
  CHECK(done == kEnqueues);
  CHECK(conformance::LaneOf(*first).pending == kEnqueues + 1);

  // All the while nobody else could have committed one.
  CHECK(notifier.HoldsLock());
  host.Query("SET lock_timeout = '100ms'");
  CHECK(host.Try("NOTIFY anybody") == "55P03");
}

}  // namespace
}  // namespace outlive::testing
