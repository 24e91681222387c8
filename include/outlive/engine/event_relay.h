// EventRelay reads a store's event log as it grows and hands it on, in order, in this process: what
// pages that show live progress are built on. At least once; after a restart it goes on from where
// the caller says.
//
//   JobStore (wake-ups, EventsAfter) ──► EventRelay ──► your function
//
// Thread-safety: Start() and Stop() may be called from many threads, but not by your function. That
//                is called on the relay's thread, one call at a time, never after Stop(), and must
//                not throw.
// Lifetime:      the store and what the function captures outlive the relay. The destructor stops
//                it.
// Errors:        of the store are retried with backoff; nothing is skipped. What was pruned before
//                it was read is gone: keep up with RunnerOptions::keep_completed.
#ifndef OUTLIVE_ENGINE_EVENT_RELAY_H_
#define OUTLIVE_ENGINE_EVENT_RELAY_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <memory>

#include "outlive/core/event.h"
#include "outlive/core/job_store.h"

namespace outlive {

class EventRelay {
 public:
  using OnEvents = absl::AnyInvocable<void(absl::Span<const Event>)>;

  // `poll_interval_max`: how late an event may come when a wake-up is lost. 10 ms to 1 h.
  EventRelay(JobStore& store, OnEvents on_events,
             absl::Duration poll_interval_max = absl::Seconds(1));
  ~EventRelay();
  EventRelay(const EventRelay&) = delete;
  EventRelay& operator=(const EventRelay&) = delete;

  // Starts after the entry `after`; JobStore::LastEvent() for what comes from now on, 0 for all
  // there is.
  //
  // Errors: kInvalidArgument (`after` is negative, the poll interval out of range);
  // kFailedPrecondition: it is running. kResourceExhausted: no thread could be started.
  absl::Status Start(std::int64_t after);

  // Idempotent, legal before Start(), complete when it returns.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive

#endif  // OUTLIVE_ENGINE_EVENT_RELAY_H_
