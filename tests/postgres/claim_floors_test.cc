// Where claims begin while an old transaction keeps dead entries in the index.
#include "store/postgres/claim_floors.h"

#include <doctest/doctest.h>

#include "outlive/testing/virtual_clock.h"

namespace outlive::postgres {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);  // Since boot.

// The parameters that a claim gets.
Params Given(const ClaimFloors& floors, bool use = true) {
  Params params;
  floors.AddTo(params, use);
  REQUIRE(params.size() == 4);
  return params;
}

bool Equal(const Params& a, const Params& b) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

Params Places(std::int64_t priority, absl::Time run_at, JobId job) {
  Params params;
  params.Add(Ints({7})).Add(Ints({priority})).Add(Ints({absl::ToUnixMicros(run_at)}));
  params.Add(Ints({job}));
  return params;
}

// As many slow claims in a row as it takes, or one less.
void MeasureSlow(ClaimFloors& floors, absl::Duration took, std::size_t job_count, int count = 8) {
  for (int i = 0; i < count; ++i) floors.Measure(took, 1, job_count, kStart);
}

TEST_CASE("claim floors: only claims that stay slow make them usable, and for a while") {
  ClaimFloors floors;
  CHECK_FALSE(floors.usable(kStart));
  MeasureSlow(floors, absl::Milliseconds(3), 0);
  CHECK_FALSE(floors.usable(kStart));
  MeasureSlow(floors, absl::Milliseconds(33), 1'000);  // That many jobs take as long.
  CHECK_FALSE(floors.usable(kStart));
  for (int i = 0; i < 8; ++i) floors.Measure(absl::Milliseconds(12), 4, 0, kStart);
  CHECK_FALSE(floors.usable(kStart));  // So do that many queues.
  MeasureSlow(floors, absl::Milliseconds(100), 10, 7);
  CHECK_FALSE(floors.usable(kStart));
  floors.Measure(absl::Milliseconds(1), 1, 10, kStart);
  MeasureSlow(floors, absl::Milliseconds(100), 10, 7);
  CHECK_FALSE(floors.usable(kStart));
  MeasureSlow(floors, absl::Milliseconds(100), 10);
  CHECK(floors.front_again_at() == kStart + absl::Milliseconds(900));
  CHECK(floors.usable(kStart + absl::Milliseconds(899)));
  CHECK_FALSE(floors.usable(kStart + absl::Milliseconds(900)));  // The front is due.
  floors.Measure(absl::Seconds(5), 1, 10, kStart);
  CHECK(floors.usable(kStart + absl::Seconds(9)));
  CHECK_FALSE(floors.usable(kStart + absl::Seconds(10)));
}

TEST_CASE("claim floors: they go up to the last job taken, but leave room for late commits") {
  const absl::Time now = testing::VirtualClock::Start();
  ClaimFloors floors;
  floors.Learn(7, 5, now - absl::Minutes(1), 42, now);
  CHECK(Equal(Given(floors), Places(5, now - absl::Minutes(1), 42)));
  floors.Learn(7, 5, now - absl::Minutes(2), 50, now);  // Never back.
  CHECK(Equal(Given(floors), Places(5, now - absl::Minutes(1), 42)));
  floors.Learn(7, 5, now, 60, now);
  CHECK(Equal(Given(floors), Places(5, now - absl::Seconds(2), 0)));
}

TEST_CASE("claim floors: none are given where the claim begins at the front, or after Clear()") {
  const absl::Time now = testing::VirtualClock::Start();
  const ClaimFloors none;
  ClaimFloors floors;
  floors.Learn(7, 5, now - absl::Minutes(1), 42, now);
  CHECK(Equal(Given(floors, false), Given(none)));
  MeasureSlow(floors, absl::Seconds(1), 0);
  floors.Clear();
  CHECK_FALSE(floors.usable(kStart));
  CHECK(Equal(Given(floors), Given(none)));
}

}  // namespace
}  // namespace outlive::postgres
