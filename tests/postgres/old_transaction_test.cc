// Somebody has left a transaction open, under load: what was deleted since then cannot be cleaned
// away, and lies before what there is to claim. What a claim costs is counted in pages that the
// server looks at, so it does not matter how fast the machine is.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

// Jobs that wait, that come and go between two looks, and after which something should have shown.
constexpr int kStanding = 5'000;
constexpr int kPiece = 1'000;
constexpr int kJobsMax = 100'000;

class Site {
 public:
  // Each store has memories of its own.
  std::unique_ptr<PostgresStore> Open() const { return OpenAt(server.conninfo()); }

  std::unique_ptr<PostgresStore> OpenAt(const std::string& conninfo) const {
    PostgresStoreOptions options;
    options.clock = &clock;
    options.schema = "jobs";
    options.watch = false;
    return Value(PostgresStore::Open(conninfo, options));
  }

  // Of this one every claim is slow in the server, so that it always has a floor, however fast the
  // machine is.
  std::unique_ptr<PostgresStore> OpenSlow() {
    Connection owner(server.conninfo());
    owner.Query(
        "CREATE FUNCTION jobs.slow_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF current_setting('application_name') = 'slow' THEN PERFORM pg_sleep(0.03); END IF;"
        " RETURN NULL; END $$");
    owner.Query(
        "CREATE TRIGGER slow_down BEFORE UPDATE ON jobs.live EXECUTE FUNCTION jobs.slow_down()");
    return OpenAt(server.conninfo() + " application_name=slow");
  }

  // A host's transaction with a snapshot, which ends with the connection.
  std::unique_ptr<Connection> LeaveOpen() const {
    auto host = std::make_unique<Connection>(server.conninfo());
    host->Query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    REQUIRE(host->Query("SELECT backend_xmin IS NOT NULL FROM pg_stat_activity"
                        " WHERE pid = pg_backend_pid()") == "t");
    return host;
  }

  // And lets them wait for some time, as jobs do that others wait before: nobody begins behind what
  // has only just become due.
  void Enqueue(JobStore& store, int count) {
    const std::vector<NewJob> jobs(static_cast<std::size_t>(count), conformance::MakeJob());
    conformance::InsertAll(store, jobs);
    clock.Advance(absl::Seconds(5));
  }

  // Claims jobs and completes them. The pages that the claim has looked at, those of the rest of
  // its transaction included.
  std::int64_t Drain(PostgresStore& store, int count) {
    const std::int64_t before = PagesSeen();
    const std::vector<ClaimedJob> jobs =
        conformance::Claim(store,
                           conformance::RequestOf(conformance::kSession, {conformance::kKind},
                                                  {{conformance::kQueue, count}}))
            .jobs;
    const std::int64_t pages = PagesSeen() - before;
    REQUIRE(jobs.size() == static_cast<std::size_t>(count));
    std::vector<Finished> ends;
    for (const ClaimedJob& job : jobs) {
      ends.push_back(conformance::EndOf(job.lease, Transition::kComplete));
    }
    for (const absl::Status& status : conformance::FinishAll(store, ends)) {
      if (!status.ok()) RequireOk(status);
    }
    return pages;
  }

  PostgresServer server{{.settings = {"shared_preload_libraries = pg_stat_statements"}}};
  VirtualClock clock;

 private:
  // By everything that stores have ever asked for.
  std::int64_t PagesSeen() {
    return std::stoll(
        statistics_.Query("SELECT coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint"
                          " FROM pg_stat_statements WHERE userid = 'app'::regrole"));
  }

  Connection MakeStatistics() const {
    Connection connection(server.address().admin_conninfo());
    connection.Query("CREATE EXTENSION pg_stat_statements");
    return connection;
  }

  Connection statistics_ = MakeStatistics();
};

TEST_CASE("a claim costs the same while an old transaction keeps the dead in its way (G13)") {
  Site site;
  const std::unique_ptr<PostgresStore> drainer = site.Open();
  const std::unique_ptr<PostgresStore> prober = site.OpenSlow();
  RequireOk(conformance::OpenSession(*drainer, conformance::kSession, absl::Hours(1)));
  site.Enqueue(*drainer, kStanding);
  site.Drain(*prober, 1);
  const std::int64_t usual = site.Drain(*prober, 1);

  // Until there is something to be spared, and the turn is the front's: of two claims in a row the
  // second one is spared what the first one went through.
  std::unique_ptr<Connection> host = site.LeaveOpen();
  std::int64_t front = 0;
  std::int64_t floor = 0;
  for (int drained = 0; front < 10 * usual || floor * 5 > front; drained += kPiece) {
    REQUIRE_MESSAGE(drained < kJobsMax, "a claim looks at ", floor,
                    " pages after one that looked at ", front, "; at first it was ", usual);
    site.Enqueue(*drainer, kPiece + 2);
    site.Drain(*drainer, kPiece);
    front = site.Drain(*prober, 1);
    floor = site.Drain(*prober, 1);
  }
  MESSAGE("pages of a claim: ", usual, " at first, ", front, " from the front, ", floor,
          " from the floor");
  CHECK(floor <= 2 * usual);

  // It ends, and the server cleans up, as autovacuum does in its time: nothing is left of it, also
  // for those that have no floor.
  host = nullptr;
  Connection(site.server.conninfo()).Query("VACUUM jobs.live");
  CHECK(site.Drain(*site.Open(), 1) <= 2 * usual);
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
