// Drain runs jobs on the test's own thread, so that a test needs no sleeps and no threads.
//
//   outlive::testing::VirtualClock clock;
//   auto store = outlive::MemoryStore::Create({.clock = &clock});
//   outlive::Client client(*store);
//   outlive::Runner runner(client, workers);                       // Never started.
//   CHECK(client.Enqueue(SendInvoice{42, "ann@example.com"}).ok());
//   CHECK(outlive::testing::Drain(runner).value() == 1);
//
// Thread-safety: one thread at a time.
// Time:          Drain() lets none pass; DrainUntil() moves the clock.
// Errors:        those of Runner::RunDue(): kFailedPrecondition where the runner was started,
//                kInvalidArgument where it or its workers are set up wrongly.
#ifndef OUTLIVE_TESTING_DRAIN_H_
#define OUTLIVE_TESTING_DRAIN_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "outlive/engine/runner.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {

// Runs every job that is due now, and what these enqueue or bring about, until none is due. Returns
// how many attempts were made.
//
// A job that fails is not due again before its delay: DrainUntil(). One that snoozes for no time at
// all, for ever, drains for ever.
absl::StatusOr<int> Drain(Runner& runner);

// The same, and goes on with what becomes due up to `deadline`, included: the clock moves from one
// job's time to the next, so that retries, snoozes and delays take no real time. In the end it is
// `deadline`, or later where it had been. Returns how many attempts were made.
//
// `clock` is the one that the runner's store was given. Finite deadlines only: an infinite one is
// kInvalidArgument. The runner's session is closed between the steps, and so never expires.
absl::StatusOr<int> DrainUntil(Runner& runner, VirtualClock& clock, absl::Time deadline);

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_DRAIN_H_
