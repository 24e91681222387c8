#include "outlive/testing/drain.h"

#include <absl/status/status.h>

#include <algorithm>

namespace outlive::testing {

absl::StatusOr<int> Drain(Runner& runner) { return runner.RunDue(); }

absl::StatusOr<int> DrainUntil(Runner& runner, VirtualClock& clock, absl::Time deadline) {
  if (deadline == absl::InfiniteFuture() || deadline == absl::InfinitePast()) {
    return absl::InvalidArgumentError("DrainUntil: the deadline must be finite");
  }
  int attempt_count = 0;
  while (true) {
    const absl::StatusOr<int> attempts = Drain(runner);
    if (!attempts.ok()) return attempts.status();
    attempt_count += *attempts;
    runner.Stop();  // Else its session would expire while the clock moves.
    const absl::Time now = clock.Now();
    const absl::Time next = runner.next_run_at();
    if (next > deadline) {
      if (now < deadline) clock.Advance(deadline - now);
      return attempt_count;
    }
    // Whatever the store says, time goes on.
    clock.Advance(std::max(next - now, absl::Microseconds(1)));
  }
}

}  // namespace outlive::testing
