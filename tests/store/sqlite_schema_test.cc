#include "store/sqlite/schema.h"

#include <sys/stat.h>

#include <array>
#include <barrier>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MustInsert;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

std::unique_ptr<sqlite::Database> OpenDatabase(const std::string& path) {
  HostConnection made(path);  // Makes the file.
  made.Exec("PRAGMA user_version = 7");
  auto database = sqlite::Database::Open(
      path, sqlite::ConnectionUse::kWriter,
      {.clock = &SystemClockInstance(), .random = &SystemRandomInstance(), .cache_bytes = 1 << 20},
      absl::Seconds(5));
  REQUIRE_MESSAGE(database.ok(), database.status().ToString());
  return *std::move(database);
}

TEST_CASE("a new file is the owner's alone and says whose it is") {
  const SqliteFolder folder;
  const mode_t before = umask(0);
  const auto store = OpenStore(folder.File());
  umask(before);
  for (const std::string suffix : {"", "-wal", "-shm"}) {
    CAPTURE(suffix);
    struct stat information{};
    REQUIRE(stat((folder.File() + suffix).c_str(), &information) == 0);
    CHECK((information.st_mode & 0777) == 0600);
  }
  CHECK(store->info().schema_version == sqlite::SchemaVersion());
  CHECK(store->info().store_id.size() == 32);
  CHECK(store->info().version == std::string("SQLite ") + sqlite3_libversion());
  const HostConnection host(folder.File());
  CHECK(host.Number("PRAGMA application_id") == sqlite::kApplicationId);
  CHECK(host.Query("PRAGMA journal_mode") == std::vector<std::string>{"wal"});
}

TEST_CASE("a file that is opened again keeps its identity and its jobs") {
  const SqliteFolder folder;
  std::string store_id;
  JobId job = 0;
  {
    const auto store = OpenStore(folder.File());
    store_id = store->info().store_id;
    job = MustInsert(*store);
  }
  const auto store = OpenStore(folder.File());
  CHECK(store->info().store_id == store_id);
  CHECK(store->Get(job).ok());
}

TEST_CASE("a host's own database keeps its tables, its version and its application_id") {
  const SqliteFolder folder;
  const HostConnection host(folder.File());
  host.Exec(
      "CREATE TABLE job (id INTEGER PRIMARY KEY); INSERT INTO job VALUES (42);"
      "PRAGMA user_version = 9; PRAGMA application_id = 77");
  const auto store = OpenStore(folder.File());
  MustInsert(*store);
  CHECK(host.Number("SELECT id FROM job") == 42);
  CHECK(host.Number("PRAGMA user_version") == 9);
  CHECK(host.Number("PRAGMA application_id") == 77);
  CHECK(host.Query("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'outlive@_%' ESCAPE '@'"
                   " AND name NOT LIKE 'sqlite@_%' ESCAPE '@'") == std::vector<std::string>{"job"});
}

TEST_CASE("a newer schema is refused with both versions named") {
  const SqliteFolder folder;
  {
    OpenStore(folder.File());
  }
  const HostConnection host(folder.File());
  host.Exec("UPDATE outlive_meta SET value = 999 WHERE name = 'schema_version'");
  const absl::Status status = SqliteStore::Open(folder.File()).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(status.message().find("schema 999") != absl::string_view::npos);
  CHECK(status.message().find("up to " + std::to_string(sqlite::SchemaVersion())) !=
        absl::string_view::npos);
}

TEST_CASE("a schema of a number that there is not is refused") {
  const SqliteFolder folder;
  {
    OpenStore(folder.File());
  }
  const HostConnection host(folder.File());
  host.Exec("UPDATE outlive_meta SET value = -1 WHERE name = 'schema_version'");
  CHECK(absl::IsDataLoss(SqliteStore::Open(folder.File()).status()));
  host.Exec("UPDATE outlive_meta SET value = 4294967296 WHERE name = 'schema_version'");
  CHECK(absl::IsFailedPrecondition(SqliteStore::Open(folder.File()).status()));
}

TEST_CASE("a schema that grows while the store is open stops its writing") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  MustInsert(*store);
  const HostConnection host(folder.File());
  host.Exec("UPDATE outlive_meta SET value = 999 WHERE name = 'schema_version'");
  CHECK(absl::IsFailedPrecondition(store->Begin().status()));
  CHECK(absl::IsFailedPrecondition(store->Begin().status()));
  host.Exec("UPDATE outlive_meta SET value = 1 WHERE name = 'schema_version'");
  MustInsert(*store);
}

TEST_CASE("what is no database is data loss, and stays as it is") {
  const SqliteFolder folder;
  std::FILE* const file = std::fopen(folder.File().c_str(), "w");
  REQUIRE(file != nullptr);
  const std::string text(10'000, 'x');
  REQUIRE(std::fwrite(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  CHECK(absl::IsDataLoss(SqliteStore::Open(folder.File()).status()));
  struct stat information{};
  REQUIRE(stat(folder.File().c_str(), &information) == 0);
  CHECK(information.st_size == 10'000);
}

TEST_CASE("paths that are no files are refused") {
  const SqliteFolder folder;
  CHECK(absl::IsInvalidArgument(SqliteStore::Open("").status()));
  CHECK(absl::IsInvalidArgument(SqliteStore::Open(":memory:").status()));
  CHECK(absl::IsInvalidArgument(SqliteStore::Open(folder.path()).status()));
  CHECK(absl::IsInvalidArgument(SqliteStore::Open(std::string("a\0b", 3)).status()));
  CHECK(absl::IsUnavailable(SqliteStore::Open(folder.File("missing/jobs.db")).status()));
}

TEST_CASE("all faults in the options are told at once") {
  const absl::Status status =
      SqliteStore::Open("unused.db", {.busy_timeout = -absl::Seconds(1),
                                      .read_timeout = absl::ZeroDuration(),
                                      .poll_interval = absl::InfiniteDuration(),
                                      .checkpoint_page_count = 0,
                                      .journal_bytes_max = -1,
                                      .cache_bytes = 0,
                                      .reader_cache_bytes = 0,
                                      .reader_count_max = 0})
          .status();
  CHECK(absl::IsInvalidArgument(status));
  for (const char* name :
       {"busy_timeout", "read_timeout", "poll_interval", "checkpoint_page_count",
        "journal_bytes_max", " cache_bytes", "reader_cache_bytes", "reader_count_max"}) {
    CAPTURE(name);
    CHECK(status.message().find(name) != absl::string_view::npos);
  }
}

TEST_CASE("a migration that fails leaves the schema before it, and goes on later") {
  const SqliteFolder folder;
  const auto database = OpenDatabase(folder.File());
  RandomSource& random = SystemRandomInstance();
  const std::string_view first = sqlite::Migrations()[0];
  const std::array<std::string_view, 2> broken = {
      first, "CREATE TABLE outlive_new (a); CREATE TABLE outlive_job (a);"};
  const absl::Status failed = sqlite::Migrate(*database, random, {.migrations = broken});
  CHECK_FALSE(failed.ok());
  CHECK(failed.message().find("schema 2") != absl::string_view::npos);
  CHECK(sqlite::ReadSchemaVersion(*database).value() == 1);
  const HostConnection host(folder.File());
  CHECK(host.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'outlive_new'") == 0);

  const std::string id = sqlite::ReadStoreId(*database).value();
  const std::array<std::string_view, 2> repaired = {first, "CREATE TABLE outlive_new (a);"};
  CHECK(sqlite::Migrate(*database, random, {.migrations = repaired}).ok());
  CHECK(sqlite::ReadSchemaVersion(*database).value() == 2);
  CHECK(sqlite::ReadStoreId(*database).value() == id);
  CHECK(absl::IsFailedPrecondition(sqlite::Migrate(*database, random)));
  CHECK(host.Number("PRAGMA user_version") == 7);
}

TEST_CASE("many that migrate one file at once do it once, and lose nothing (R06)") {
  const SqliteFolder folder;
  constexpr std::size_t kThreadCount = 8;
  {
    const auto store = OpenStore(folder.File());
    for (int i = 0; i < 10; ++i) MustInsert(*store);
  }
  const std::array<std::string_view, 2> migrations = {
      sqlite::Migrations()[0],
      "CREATE TABLE outlive_new (a); UPDATE outlive_job SET priority = priority + 100;"};
  std::vector<std::unique_ptr<sqlite::Database>> databases;
  for (std::size_t i = 0; i < kThreadCount; ++i) databases.push_back(OpenDatabase(folder.File()));
  std::vector<absl::Status> results(kThreadCount);
  std::barrier<> starting_line(kThreadCount);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([&, i] {
      starting_line.arrive_and_wait();
      results[i] =
          sqlite::Migrate(*databases[i], SystemRandomInstance(), {.migrations = migrations});
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) CHECK_MESSAGE(result.ok(), result.ToString());
  CHECK(sqlite::ReadSchemaVersion(*databases[0]).value() == 2);
  const HostConnection host(folder.File());
  CHECK(host.Number("SELECT count(*) FROM outlive_job WHERE priority BETWEEN 100 AND 199") == 10);
}

TEST_CASE("a first migration that fails leaves nothing") {
  const SqliteFolder folder;
  const auto database = OpenDatabase(folder.File());
  const std::array<std::string_view, 1> broken = {"CREATE TABLE outlive_meta (a); nonsense;"};
  CHECK_FALSE(sqlite::Migrate(*database, SystemRandomInstance(), {.migrations = broken}).ok());
  CHECK(sqlite::ReadSchemaVersion(*database).value() == 0);
  CHECK(sqlite::Migrate(*database, SystemRandomInstance()).ok());
}

TEST_CASE("threads that open one new file at once all get it, with one schema") {
  const SqliteFolder folder;
  constexpr std::size_t kThreadCount = 8;
  std::vector<std::string> ids(kThreadCount);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&folder, &id] {
      const auto store = SqliteStore::Open(folder.File());
      id = store.ok() ? (*store)->info().store_id : store.status().ToString();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) {
    CHECK(id.size() == 32);
    CHECK(id == ids[0]);
  }
}

TEST_CASE("the views show people the state of each job and the log") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const JobId pending = MustInsert(*store, conformance::MakeJob("a.kind", "{\"n\":1}"));
  const ClaimedJob claimed = conformance::InsertAndClaim(*store);
  const HostConnection host(folder.File());
  CHECK(host.Query("SELECT id, state, kind, queue, attempt, args FROM outlive_jobs ORDER BY id") ==
        std::vector<std::string>{
            std::to_string(pending) + "|pending|a.kind|default|0|{\"n\":1}",
            std::to_string(claimed.lease.job) + "|running|mail.send|default|1|{}"});
  CHECK(host.Query("SELECT type, job, fence FROM outlive_events ORDER BY seq") ==
        std::vector<std::string>{"enqueued|1|0", "enqueued|2|0", "claimed|2|1"});
}

}  // namespace
}  // namespace outlive
