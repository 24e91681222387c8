// Hosts whose own transactions are serializable, and fail again and again: what they do with us in
// them counts once, in the one that is committed.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <boost/describe.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/args.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::Value;

constexpr const char* kSerializationFailure = "40001";
constexpr int kHosts = 4;
constexpr int kJobsEach = 10;
constexpr int kJobs = kHosts * kJobsEach;

// How often somebody else makes each of them fail.
constexpr int kSpoilt = 3;

struct Bill {
  static constexpr std::string_view kKind = conformance::kKind;
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Bill, (), (number))

struct Site {
  Site() {
    PostgresStoreOptions options;
    options.schema = schema.name();
    store = Value(PostgresStore::Open(schema.conninfo(), options));
    Connection owner(schema.conninfo());
    owner.Query(Sql("CREATE TABLE {0}.account (id integer PRIMARY KEY, value integer NOT NULL)"));
    owner.Query(Sql("INSERT INTO {0}.account VALUES (1, 0), (2, 0)"));
    owner.Query(Sql("CREATE TABLE {0}.orders (name text NOT NULL)"));
    owner.Query(Sql("CREATE TABLE {0}.bookings (job bigint NOT NULL)"));
  }

  std::string Sql(std::string_view text) const {
    return fmt::format(fmt::runtime(text), schema.name());
  }
  std::string Ask(std::string_view text) { return Connection(schema.conninfo()).Query(Sql(text)); }

  TestSchema schema;
  std::unique_ptr<PostgresStore> store;
  std::atomic<int> failures = 0;  // Transactions that ended with 40001.
};

// One host's connection. Its transactions go by what they have read, and others write that.
class Ledger {
 public:
  explicit Ledger(Site& site)
      : site_(site), own_(site.schema.conninfo()), rival_(site.schema.conninfo()) {}

  // Adds one to an account together with what `join` does, and repeats that until it is committed.
  // The first times somebody else is faster. False: it failed otherwise.
  bool Post(int account, std::string_view row, const std::function<absl::Status(PGconn*)>& join) {
    for (int tries = 0;; ++tries) {
      const std::string state = TryToPost(account, row, join, tries < kSpoilt);
      if (state.empty()) return true;
      if (state != kSerializationFailure) return false;
      ++site_.failures;
    }
  }

 private:
  // The state it failed with. It is rolled back then.
  std::string TryToPost(int account, std::string_view row,
                        const std::function<absl::Status(PGconn*)>& join, bool spoil) {
    std::string state = own_.Try("BEGIN ISOLATION LEVEL SERIALIZABLE");
    const std::string read =
        site_.Sql("SELECT value FROM {0}.account WHERE id = ") + std::to_string(account);
    if (state.empty()) state = own_.Try(read);
    if (state.empty()) state = own_.Try(std::string(row));
    if (state.empty()) {
      const absl::Status joined = join(own_.get());
      // What failed in there is told by the connection's next statement, or by the status.
      if (!joined.ok()) state = StateIn(joined);
    }
    // After all of ours was done: it has to be undone.
    if (spoil) Write(rival_, account, 0);
    if (state.empty()) state = Write(own_, account, 1);
    if (state.empty()) state = own_.Try("COMMIT");
    if (!state.empty()) own_.Try("ROLLBACK");
    return state;
  }

  std::string Write(Connection& connection, int account, int by) const {
    return connection.Try(site_.Sql("UPDATE {0}.account SET value = value + ") +
                          fmt::format("{} WHERE id = {}", by, account));
  }

  static std::string StateIn(const absl::Status& status) {
    const std::string text(status.message());
    return text.find(kSerializationFailure) == std::string::npos ? text : kSerializationFailure;
  }

  Site& site_;
  Connection own_;
  Connection rival_;
};

TEST_CASE("jobs of serializable transactions that fail again and again come once (G08)") {
  Site site;
  Client client(*site.store);
  std::atomic<int> posted = 0;
  std::vector<std::thread> hosts;
  for (int host = 0; host < kHosts; ++host) {
    hosts.emplace_back([&, host] {
      Ledger ledger(site);
      for (int i = 0; i < kJobsEach; ++i) {
        const Bill bill{host * kJobsEach + i};
        const std::string row =
            site.Sql("INSERT INTO {0}.orders VALUES ('") + Value(EncodeArgs(bill)) + "')";
        posted += ledger.Post(1, row, [&](PGconn* connection) {
          return client.EnqueueIn(connection, bill).status();
        });
      }
    });
  }
  for (std::thread& host : hosts) host.join();
  REQUIRE(posted == kJobs);
  MESSAGE(site.failures.load(), " failures");
  CHECK(site.failures >= kJobs * kSpoilt);
  CHECK(site.Ask("SELECT value FROM {0}.account WHERE id = 1") == std::to_string(kJobs));
  CHECK(site.Ask("SELECT count(DISTINCT name) FROM {0}.orders") == std::to_string(kJobs));
  CHECK(site.Ask("SELECT count(*) FROM {0}.orders") == std::to_string(kJobs));
  CHECK(site.Ask("SELECT count(*) FROM {0}.orders JOIN {0}.job"
                 " ON args = convert_to(name, 'UTF8')") == std::to_string(kJobs));
  CHECK(conformance::ListAll(*site.store).size() == kJobs);
  CHECK(conformance::LaneOf(*site.store).pending == kJobs);
}

TEST_CASE("completions in serializable transactions that fail again and again count once (G08)") {
  Site site;
  Client client(*site.store);
  conformance::InsertAll(*site.store, std::vector<NewJob>(kJobs, Value(client.Prepare(Bill{}))));
  std::atomic<int> posted = 0;
  WorkerSet workers;
  workers.Add<Bill>([&](JobContext& job, const Bill&) -> Outcome {
    Ledger ledger(site);
    const std::string row =
        site.Sql("INSERT INTO {0}.bookings VALUES (") + fmt::format("{})", job.id());
    const bool done =
        ledger.Post(2, row, [&](PGconn* connection) { return job.CompleteIn(connection); });
    posted += done;
    return done ? Outcome(Done()) : Outcome(Dead("it failed otherwise"));
  });
  RunnerOptions options;
  options.queues = {{.name = "default", .concurrency = kHosts}};
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  for (const Job& job : conformance::ListAll(*site.store)) {
    const Job ended = Value(client.WaitFor(job.id, absl::InfiniteFuture()));
    CHECK(ended.state == JobState::kCompleted);
    CHECK(ended.attempt == 1);
  }
  runner.Stop(absl::Minutes(1));
  CHECK(posted == kJobs);
  MESSAGE(site.failures.load(), " failures");
  CHECK(site.failures >= kJobs * kSpoilt);
  CHECK(site.Ask("SELECT value FROM {0}.account WHERE id = 2") == std::to_string(kJobs));
  CHECK(site.Ask("SELECT count(DISTINCT job) FROM {0}.bookings") == std::to_string(kJobs));
  CHECK(site.Ask("SELECT count(*) FROM {0}.bookings") == std::to_string(kJobs));
  CHECK(conformance::LaneOf(*site.store).completed == kJobs);
  conformance::MustInsert(*site.store);  // Takes what the hosts have left into the log.
  int completions = 0;
  for (const Event& event : conformance::AllEvents(*site.store)) {
    completions += event.type == EventType::kCompleted ? 1 : 0;
  }
  CHECK(completions == kJobs);
}

}  // namespace
}  // namespace outlive::testing
