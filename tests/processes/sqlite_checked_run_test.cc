// The runs that check the checker (tests/testing/mutants_test.cc), on the real SQLite store: same
// seeds, same judge. And every statement of them is watched.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/processes/crash_site.h"
#include "tests/store/sqlite_helpers.h"
#include "tests/testing/checked_run.h"

namespace outlive::testing {
namespace {

constexpr std::uint64_t kSeedCount = 12;

// Sees every statement of every connection that is opened as long as it is there.
class StatementWatch {
 public:
  StatementWatch() {
    current_ = this;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&StatementWatch::OnOpen));
  }
  ~StatementWatch() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&StatementWatch::OnOpen));
    current_ = nullptr;
  }
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;

  int statement_count = 0;
  std::vector<std::string> upgrades;  // Writes of a transaction that does not have the lock yet.

 private:
  static int OnOpen(sqlite3* database, char**, const void*) {
    return sqlite3_trace_v2(database, SQLITE_TRACE_STMT, &StatementWatch::OnStatement, database);
  }

  static int OnStatement(unsigned, void* database, void* statement, void*) {
    current_->See(static_cast<sqlite3*>(database), static_cast<sqlite3_stmt*>(statement));
    return 0;
  }

  void See(sqlite3* database, sqlite3_stmt* statement) {
    ++statement_count;
    if (sqlite3_stmt_readonly(statement) != 0) return;
    // Outside a transaction a statement takes the lock at once.
    if (sqlite3_get_autocommit(database) != 0) return;
    if (sqlite3_txn_state(database, "main") == SQLITE_TXN_WRITE) return;
    upgrades.emplace_back(sqlite3_sql(statement));
  }

  static StatementWatch* current_;
};
StatementWatch* StatementWatch::current_ = nullptr;

// A transaction that has read before others wrote cannot write any more, and no waiting helps it.
TEST_CASE("on SQLite the checked runs are valid, and no transaction reads before it locks") {
  StatementWatch watch;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    const CrashFolder folder;
    CheckedRunOptions options;
    options.seed = seed;
    options.breaker = [&folder](JobStore& store) {
      return OpenStore(CrashPaths(folder.path()).store(),
                       {.clock = &store.clock(), .watch = false, .checkpoint_page_count = 100});
    };
    const CheckReport report = CheckedRun(options).Run();
    CAPTURE(seed);
    CHECK_MESSAGE(report.ok(), report.ToString());
    CheckTables(CrashPaths(folder.path()).store());
  }
  CHECK(watch.statement_count > 1'000);
  CHECK(watch.upgrades == std::vector<std::string>{});
  // The watch can tell.
  const HostConnection host(":memory:");
  host.Exec("CREATE TABLE t (x)");
  host.Exec("BEGIN");
  host.Exec("INSERT INTO t VALUES (1)");
  CHECK(watch.upgrades.size() == 1);
}

}  // namespace
}  // namespace outlive::testing
