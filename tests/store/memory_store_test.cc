#include "outlive/store/memory_store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"

using outlive::MemoryStore;
using outlive::testing::SeededRandom;
using outlive::testing::VirtualClock;
using namespace outlive::conformance;  // NOLINT: its helpers are this file's vocabulary.

TEST_CASE("a memory store says what it is") {
  SeededRandom random(1);
  SeededRandom same(1);
  const MemoryStore store({.random = &random});
  CHECK(store.info().name == "memory");
  CHECK(store.info().store_id == outlive::RandomHex(same, 16));
  CHECK_FALSE(store.info().durable);
  CHECK_FALSE(store.info().shared);
  CHECK_FALSE(store.info().can_join);
}

TEST_CASE("two memory stores have nothing in common") {
  MemoryStore first;
  MemoryStore second;
  CHECK(first.info().store_id != second.info().store_id);
  MustInsert(first, KeyedJob("k"));
  CHECK(ListAll(second).empty());
  CHECK(MustInsert(second, KeyedJob("k", "other")) > 0);
}

TEST_CASE("a memory store without a clock has the machine's") {
  MemoryStore store;
  CHECK(&store.clock() == &outlive::SystemClockInstance());
  const VirtualClock clock;
  MemoryStore virtual_store({.clock = &clock});
  CHECK(&virtual_store.clock() == &clock);
}

TEST_CASE("a memory store has no transaction to join, and says why") {
  MemoryStore store;
  const absl::Status joined = store.Join(static_cast<sqlite3*>(nullptr)).status();
  CHECK(absl::IsUnimplemented(joined));
  CHECK(std::string(joined.message()).find("in-memory store") != std::string::npos);
}

TEST_CASE("a thread that waits for itself is told so in the end") {
  MemoryStore store({.begin_timeout = absl::Milliseconds(1)});
  const auto transaction = Begin(store);
  CHECK(absl::IsUnavailable(store.Begin().status()));
  CHECK(absl::IsDeadlineExceeded(store.Check(absl::Milliseconds(1))));
  RequireOk(transaction->Commit());
  CHECK(store.Check(absl::ZeroDuration()).ok());
  CHECK(store.Begin().ok());
}

TEST_CASE("a memory store that may not wait does not") {
  MemoryStore store({.begin_timeout = absl::ZeroDuration()});
  CHECK(store.Begin().ok());
  const auto transaction = Begin(store);
  CHECK(absl::IsUnavailable(store.Begin().status()));
}

TEST_CASE("a memory store that may wait for ever does") {
  MemoryStore store({.begin_timeout = absl::InfiniteDuration()});
  auto transaction = Begin(store);
  std::atomic<bool> begun = false;
  std::thread other([&] { begun = store.Begin().ok(); });
  transaction.reset();
  other.join();
  CHECK(begun);
}

TEST_CASE("a clock beyond all bounds does no harm") {
  VirtualClock clock;
  MemoryStore store({.clock = &clock});
  const outlive::JobId first = MustInsert(store);
  clock.SetNow(absl::InfinitePast());
  CHECK(MustGet(store, MustInsert(store)).created_at == VirtualClock::Start());
  clock.SetNow(absl::InfiniteFuture());
  outlive::NewJob job = KeyedJob("k");
  CHECK(MustGet(store, MustInsert(store, job)).created_at < absl::InfiniteFuture());
  RequireOk(OpenSession(store, kSession, outlive::kDelayMax));
  CHECK(ClaimOne(store).lease.job == first);
}

TEST_CASE("what has gone leaves nothing behind") {
  VirtualClock clock;
  MemoryStore store({.clock = &clock});
  const std::string empty = Snapshot(store);
  for (int i = 0; i < 100; ++i) {
    outlive::NewJob job = KeyedJob(fmt::format("key {}", i), "{}", fmt::format("kind-{}", i));
    job.queue = fmt::format("queue-{}", i);
    const outlive::JobId id = MustInsert(store, job);
    const std::string session = fmt::format("s-{}", i);
    RequireOk(OpenSession(store, session));
    const auto claimed = Claim(store, RequestOf(session, {job.kind}, {{job.queue, 1}})).jobs;
    REQUIRE(claimed.size() == 1);
    RequireOk(FinishOne(store, claimed[0], outlive::Transition::kComplete));
    CHECK(StateOf(store, id) == outlive::JobState::kCompleted);
    RequireOk(CloseSession(store, session));
  }
  clock.Advance(absl::Hours(48));
  CHECK(RescueAll(store) == 0);
  const outlive::PruneResult pruned = Value(Prune(store));
  CHECK(pruned.job_count == 100);
  CHECK(pruned.key_count == 100);
  CHECK(pruned.event_count == 300);
  CHECK(Snapshot(store) == empty);
  // Names of sessions that were closed are free: nothing is kept of them.
  CHECK(OpenSession(store, "s-0").ok());
}

TEST_CASE("readers and writers on many threads see whole transactions only") {
  MemoryStore store;
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        // Jobs come two by two.
        const auto jobs = store.List({}, {.before = 0, .row_count_max = 1'000});
        if (!jobs.ok() || jobs->size() % 2 != 0) ++torn;
        const auto stats = store.Stats();
        for (const auto& lane : stats->lanes) torn += lane.pending % 2 == 0 ? 0 : 1;
        const auto events = store.EventsAfter(0, 10'000);
        if (!events.ok() || events->size() % 2 != 0) ++torn;
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto transaction = Begin(store);
    const outlive::NewJob job = MakeJob();
    REQUIRE(transaction->Insert({&job, 1}).ok());
    REQUIRE(transaction->Insert({&job, 1}).ok());
    if (i % 4 != 0) RequireOk(transaction->Commit());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(torn == 0);
  CHECK(ListAll(store).size() == 300);
}

TEST_CASE("a subscriber that is being called is waited for") {
  MemoryStore store;
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  std::atomic<bool> left = false;
  auto subscription = store.Subscribe([&](outlive::WakeHint) {
    entered = true;
    while (!leave) std::this_thread::yield();
    left = true;
  });
  std::thread committer([&] {
    auto transaction = store.Begin();
    const outlive::NewJob job = MakeJob();
    if (transaction.ok() && (*transaction)->Insert({&job, 1}).ok()) {
      (void)(*transaction)->Commit();
    }
  });
  while (!entered) std::this_thread::yield();
  // The store is not locked meanwhile.
  CHECK(ListAll(store).size() == 1);
  std::thread leaver([&] {
    leave = true;
    subscription.reset();
    CHECK(left);
  });
  leaver.join();
  committer.join();
}
