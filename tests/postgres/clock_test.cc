// A server whose clock is minutes away from that of its hosts: everybody goes by the server's.
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <iostream>
#include <memory>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/engine/client.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/fleet.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

constexpr absl::Duration kOffsets[] = {absl::Minutes(10), absl::Minutes(-10)};

// Of the clocks: a good deal longer than a test takes, and shorter than what they are apart.
constexpr absl::Duration kWhile = absl::Minutes(5);

bool CanRun() {
  if (CanShiftClock()) return true;
  std::cout << "[skipped] libfaketime is not here\n";
  return false;
}

void RequireOffset(const PostgresServer& server, absl::Duration offset) {
  const std::string now =
      Connection(server.conninfo())
          .Query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
  const absl::Duration ahead = absl::FromUnixMicros(std::stoll(now)) - absl::Now();
  REQUIRE(absl::AbsDuration(ahead - offset) < absl::Minutes(1));
}

TEST_CASE("leases, delays and windows of keys go by the server's clock, not the host's (G18)") {
  if (!CanRun()) return;
  for (const absl::Duration offset : kOffsets) {
    CAPTURE(absl::FormatDuration(offset));
    const PostgresServer server({.clock_offset = offset});
    RequireOffset(server, offset);
    const auto store = Value(PostgresStore::Open(server.conninfo(), {.watch = false}));
    Client client(*store);

    // What is due now is due at once, what is due in a while is not, however far the clocks are
    // apart; and the same where SQL says so.
    const JobId due = Value(client.EnqueueRaw(conformance::kKind, "{}")).id;
    Value(client.EnqueueRaw(conformance::kKind, "{}", {.delay = kWhile}));
    Value(client.EnqueueRaw(conformance::kKind, "{}", {.run_at = store->clock().Now() + kWhile}));
    Connection sql(server.conninfo());
    const JobId also_due = std::stoll(sql.Query("SELECT outlive.enqueue('mail.send', '{}')"));
    sql.Query("SELECT outlive.enqueue('mail.send', '{}', '{\"delay_seconds\": 300}')");
    RequireOk(conformance::OpenSession(*store, conformance::kSession, kWhile));
    const ClaimResult claimed = conformance::Claim(*store, conformance::RequestOf());
    REQUIRE(conformance::IdsOf(claimed.jobs) == std::vector<JobId>{due, also_due});
    CHECK(absl::AbsDuration(claimed.next_run_at - (absl::Now() + offset + kWhile)) <
          absl::Minutes(1));

    // The lease is good for as long as it was given, and the next one can be had.
    CHECK(conformance::RescueAll(*store) == 0);
    RequireOk(conformance::RenewSession(*store, conformance::kSession, kWhile));
    CHECK(conformance::FinishOne(*store, claimed.jobs[0], Transition::kComplete).ok());

    // One that has passed has passed: for the rest its session need not even be closed.
    RequireOk(conformance::RenewSession(*store, conformance::kSession, absl::Milliseconds(100)));
    Connection(server.conninfo()).Query("SELECT pg_sleep(0.2)");
    CHECK(conformance::RescueAll(*store) == 1);
    CHECK(absl::IsAborted(conformance::FinishOne(*store, claimed.jobs[1], Transition::kComplete)));

    // A key is remembered for its window, and what has ended is kept for as long as was asked for.
    const EnqueueOptions keyed{.idempotency_key = "order", .idempotency_window = kWhile};
    CHECK_FALSE(Value(client.EnqueueRaw("other", "{}", keyed)).duplicate);
    const PruneRequest prune{.keep_completed = kWhile};
    CHECK(Value(conformance::Prune(*store, prune)).key_count == 0);
    CHECK(Value(client.EnqueueRaw("other", "{}", keyed)).duplicate);
    CHECK(conformance::StateOf(*store, due) == JobState::kCompleted);
  }
}

TEST_CASE("gauges tell how far the server's clock is ahead of the host's (G18)") {
  if (!CanRun()) return;
  for (const absl::Duration offset :
       {absl::Minutes(10), absl::Minutes(-10), absl::ZeroDuration()}) {
    CAPTURE(absl::FormatDuration(offset));
    const PostgresServer server({.clock_offset = offset});
    const auto store = Value(PostgresStore::Open(server.conninfo(), {.watch = false}));
    const PostgresGauges gauges = Value(store->Gauges());
    CAPTURE(absl::FormatDuration(gauges.clock_ahead));
    CHECK(absl::AbsDuration(gauges.clock_ahead - offset) < absl::Minutes(1));
    // Who has brought a clock does not go by the server's.
    const SystemClock clock;
    const auto other =
        Value(PostgresStore::Open(server.conninfo(), {.clock = &clock, .watch = false}));
    CHECK(Value(other->Gauges()).clock_ahead == absl::ZeroDuration());
  }
}

TEST_CASE("hosts work with a server whose clock is ten minutes ahead or behind (G18)") {
  if (!CanRun()) return;
  for (const absl::Duration offset : kOffsets) {
    CAPTURE(absl::FormatDuration(offset));
    PostgresServer server({.clock_offset = offset});
    RequireOffset(server, offset);
    Fleet fleet(server.address());
    fleet.Load(20);
    fleet.Finish();
    CheckOptions options = Host::Options();
    options.live_processes_keep_leases = true;
    options.exercised = {"retried"};
    fleet.Pronounce(options);
  }
}

}  // namespace
}  // namespace outlive::testing
