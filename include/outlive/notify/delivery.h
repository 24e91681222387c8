// Deliveries: telling somebody that a job has ended is a job of its own, written in the transaction
// that ends the job it tells about. It may come late or twice; it is never lost, and its failure
// never changes the job.
//
//   job.follow_ups = {*NotifyOnEnd({.notifier = "mail", .target = "ann@example.com"})};
//   …
//   job ends ──► (same transaction) job of kind kDeliveryKind ──► delivery worker ──► Notifier
//
// Thread-safety: the worker runs many deliveries at once.
// Lifetime:      notifiers and random source outlive the WorkerSet.
// Errors:        kInvalidArgument, naming every fault.
#ifndef OUTLIVE_NOTIFY_DELIVERY_H_
#define OUTLIVE_NOTIFY_DELIVERY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/follow_up.h"
#include "outlive/core/limits.h"
#include "outlive/core/notifier.h"
#include "outlive/core/random.h"
#include "outlive/core/retry_policy.h"
#include "outlive/core/worker_set.h"

namespace outlive {

inline constexpr std::string_view kDeliveryKind = "outlive.deliver";

// Whom to tell, and how.
struct NotifyTarget {
  std::string notifier = {};  // A name given to AddDeliveryWorker(): `[A-Za-z0-9._:/-]{1,128}`.
  std::string target = {};    // What that notifier takes. 1 to 2,048 bytes of UTF-8.

  // The host's own words, at most 8 KiB of UTF-8: JSON, or any text.
  std::string data = {};

  // Which ends to tell of; at least one.
  bool on_completed = true;
  bool on_cancelled = false;
  bool on_dead = true;

  // Of the delivery: as in EnqueueOptions.
  std::string queue = "default";
  int priority = limits::kPriorityDefault;
  int attempt_count_max = 10;
  std::optional<RetryPolicy> retry = {};  // Nothing: DeliveryOptions::retry.
};
inline constexpr std::size_t kNotifyTargetBytesMax = 2 * 1024;
inline constexpr std::size_t kNotifyDataBytesMax = 8 * 1024;

// The follow-up to put into a job's follow_ups.
absl::StatusOr<FollowUp> NotifyOnEnd(const NotifyTarget& target);

struct DeliveryOptions {
  // StoreInfo::store_id of the store that the deliveries are in: 1 to 64 of [A-Za-z0-9_-]. It makes
  // the notifications' ids unique among all stores.
  std::string store_id = {};

  // How long one attempt may take; longer than the notifiers' own limits. Positive.
  absl::Duration timeout = absl::Minutes(5);

  // For deliveries without a policy of their own.
  RetryPolicy retry = {.initial = absl::Seconds(5), .factor = 4, .delay_max = absl::Hours(4)};

  // For the traceparent of each delivery. Null: the system's.
  RandomSource* random = nullptr;
};

// Adds the worker for kDeliveryKind to `workers`. `notifiers` are borrowed, by the names that
// NotifyTarget::notifier uses; a delivery for any other name is dead, and says so.
//
// A notification's id is "msg_<store id>_<id of the delivery's job>": the same in every attempt.
absl::Status AddDeliveryWorker(WorkerSet& workers,
                               const std::map<std::string, Notifier*>& notifiers,
                               const DeliveryOptions& options);

}  // namespace outlive

#endif  // OUTLIVE_NOTIFY_DELIVERY_H_
