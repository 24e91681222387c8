// The code that docs/guides/first-job.md shows, compiled and run. tests/docs/guides_test.py
// compares every block of the guide with this file.
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/outlive.h"
#include "outlive/testing/virtual_clock.h"

struct SendInvoice {
  static constexpr std::string_view kKind = "invoice.send";
  std::int64_t invoice_id = 0;
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(SendInvoice, (), (invoice_id, recipient))

namespace {

// The outside world of the guide: a mail server that can be away.
struct World {
  bool is_away = false;
  std::vector<std::int64_t> sent;

  absl::Status Send(std::int64_t invoice_id, const std::string& recipient) {
    if (is_away) return absl::UnavailableError("the mail server is away");
    if (recipient.empty()) return absl::NotFoundError("no recipient");
    sent.push_back(invoice_id);
    return absl::OkStatus();
  }
};

void AddWorker(outlive::WorkerSet& workers, World& world) {
  const auto SendIt = [&world](std::int64_t invoice_id, const std::string& recipient) {
    return world.Send(invoice_id, recipient);
  };
  workers.Add<SendInvoice>(
      [=](outlive::JobContext& job, const SendInvoice& args) -> outlive::Outcome {
        if (job.cancelled()) return outlive::Cancelled("stopped by the user");
        absl::Status sent = SendIt(args.invoice_id, args.recipient);
        if (absl::IsNotFound(sent)) return outlive::Dead("no such invoice");
        return sent;  // OK is done, anything else is retried.
      },
      {.timeout = absl::Minutes(2)});
}

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "outlive-guide-XXXXXX").string();
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void Report(const absl::Status& status) { FAIL(status.ToString()); }

// "Together with a row of your own, in your own transaction."
absl::StatusOr<outlive::Enqueued> AddInvoice(sqlite3* db, outlive::Client& client) {
  sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  sqlite3_exec(db, "INSERT INTO invoice VALUES (42)", nullptr, nullptr, nullptr);
  auto job = client.EnqueueIn(db, SendInvoice{42, "ann@example.com"});
  sqlite3_exec(db, job.ok() ? "COMMIT" : "ROLLBACK", nullptr, nullptr, nullptr);
  return job;
}

TEST_CASE("the guide for a first job: enqueue and run") {
  const Folder folder;
  const std::string path = folder.File("app.db");
  World world;
  outlive::WorkerSet workers;
  AddWorker(workers, world);

  auto store = outlive::SqliteStore::Open(path).value();
  outlive::Client client(*store);
  auto job = client.Enqueue(SendInvoice{42, "ann@example.com"}, {.idempotency_key = "42"});
  REQUIRE(job.ok());
  CHECK(client.Enqueue(SendInvoice{42, "ann@example.com"}, {.idempotency_key = "42"})->duplicate);

  outlive::Runner runner(client, workers, {.queues = {{.name = "default", .concurrency = 8}}});
  if (absl::Status started = runner.Start(); !started.ok()) return Report(started);
  CHECK(client.WaitFor(job->id, store->clock().Now() + absl::Seconds(60)).ok());
  runner.Stop(absl::Seconds(30));  // Drain, then hand the rest back unharmed.
  CHECK(world.sent == std::vector<std::int64_t>{42});
}

TEST_CASE("the guide for a first job: in your own transaction") {
  const Folder folder;
  auto store = outlive::SqliteStore::Open(folder.File("app.db")).value();
  outlive::Client client(*store);
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(folder.File("app.db").c_str(), &db) == SQLITE_OK);
  sqlite3_exec(db, "CREATE TABLE invoice (id INTEGER PRIMARY KEY)", nullptr, nullptr, nullptr);
  const absl::StatusOr<outlive::Enqueued> job = AddInvoice(db, client);
  REQUIRE(job.ok());
  CHECK(client.Get(job->id)->state == outlive::JobState::kPending);
  sqlite3_close(db);
}

TEST_CASE("the guide for a first job: test it without threads, files or sleeps") {
  World world;
  outlive::WorkerSet workers;
  AddWorker(workers, world);

  outlive::testing::VirtualClock clock;
  outlive::MemoryStore store({.clock = &clock});
  outlive::Client client(store);
  outlive::Runner runner(client, workers);
  world.is_away = true;
  REQUIRE(client.Enqueue(SendInvoice{42, "ann@example.com"}).ok());
  CHECK(*runner.RunDue() == 1);   // Runs what is due, on this thread: the first attempt fails.
  clock.Advance(absl::Hours(1));  // Retries, schedules and windows follow.
  world.is_away = false;
  CHECK(*runner.RunDue() == 1);
  CHECK(world.sent == std::vector<std::int64_t>{42});

  REQUIRE(client.Enqueue(SendInvoice{43, ""}).ok());
  CHECK(*runner.RunDue() == 1);
  CHECK(client.DeadLetterGroups()->at(0).message == "no such invoice");
}

}  // namespace
