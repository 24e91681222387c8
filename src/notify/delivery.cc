#include "outlive/notify/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <memory>
#include <utility>

#include "core/faults.h"
#include "core/utf8.h"
#include "outlive/core/args.h"
#include "outlive/core/job.h"
#include "outlive/core/trace_context.h"

namespace outlive {

// What a follow-up carries for the delivery worker.
struct DeliveryData {
  std::string notifier;
  std::string target;
  std::string data;
};
BOOST_DESCRIBE_STRUCT(DeliveryData, (), (notifier, target, data))

namespace {

bool IsStoreId(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

class DeliveryWorker final : public Worker {
 public:
  DeliveryWorker(const std::map<std::string, Notifier*>& notifiers, std::string store_id,
                 RandomSource& random)
      : notifiers_(notifiers), store_id_(std::move(store_id)), random_(random) {}

  Outcome Run(JobContext& job, std::string_view bytes) override {
    absl::StatusOr<FollowUpArgs> args = DecodeFollowUpArgs(bytes);
    if (!args.ok()) return UndecodableArgs(args.status());
    absl::StatusOr<DeliveryData> data = DecodeArgs<DeliveryData>(args->data);
    if (!data.ok()) return UndecodableArgs(data.status());
    const auto notifier = notifiers_.find(data->notifier);
    if (notifier == notifiers_.end()) {
      return Dead(fmt::format("there is no notifier named \"{}\" here",
                              std::string_view(data->notifier).substr(0, limits::kNameBytesMax)));
    }
    Notification notification;
    notification.id = fmt::format("msg_{}_{}", store_id_, job.id());
    notification.type = fmt::format("job.{}", JobStateName(args->end.state));
    notification.target = std::move(data->target);
    notification.data = std::move(data->data);
    notification.traceparent = ChildTraceparent(job.traceparent(), random_);
    notification.end = std::move(args->end);
    Outcome outcome = notifier->second->Notify(notification, job);
    if (outcome.kind() == Outcome::Kind::kRetry && job.stop_reason() == StopReason::kCancelled) {
      return Cancelled("stopped by the user");
    }
    return outcome;
  }

 private:
  const std::map<std::string, Notifier*> notifiers_;
  const std::string store_id_;
  RandomSource& random_;
};

}  // namespace

absl::StatusOr<FollowUp> NotifyOnEnd(const NotifyTarget& target) {
  internal::Faults faults("notify target");
  faults.AddIfError(ValidateName("notifier", target.notifier));
  faults.AddIfError(ValidateName("queue", target.queue));
  faults.Require(!target.target.empty() && target.target.size() <= kNotifyTargetBytesMax &&
                     internal::IsUtf8(target.target),
                 "target must be 1 to 2048 bytes of UTF-8");
  faults.Require(target.data.size() <= kNotifyDataBytesMax && internal::IsUtf8(target.data),
                 "data must be at most 8192 bytes of UTF-8");
  faults.Require(target.on_completed || target.on_cancelled || target.on_dead,
                 "at least one end must be told");
  faults.Require(target.priority >= 0 && target.priority <= limits::kPriorityMax,
                 "priority must be from 0 to 9");
  faults.Require(
      target.attempt_count_max >= 1 && target.attempt_count_max <= limits::kAttemptCountMax,
      "attempt_count_max must be from 1 to 10000");
  if (target.retry) faults.AddIfError(ValidateRetryPolicy(*target.retry));
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;

  absl::StatusOr<std::string> data =
      EncodeArgs(DeliveryData{target.notifier, target.target, target.data});
  if (!data.ok()) return data.status();
  FollowUp follow_up;
  follow_up.on_completed = target.on_completed;
  follow_up.on_cancelled = target.on_cancelled;
  follow_up.on_dead = target.on_dead;
  follow_up.kind = std::string(kDeliveryKind);
  follow_up.queue = target.queue;
  follow_up.priority = target.priority;
  follow_up.attempt_count_max = target.attempt_count_max;
  if (target.retry) follow_up.retry_policy = EncodeRetryPolicy(*target.retry);
  follow_up.data = *std::move(data);
  return follow_up;
}

absl::Status AddDeliveryWorker(WorkerSet& workers,
                               const std::map<std::string, Notifier*>& notifiers,
                               const DeliveryOptions& options) {
  internal::Faults faults("delivery worker");
  faults.Require(IsStoreId(options.store_id), "store_id must be 1 to 64 of [A-Za-z0-9_-]");
  for (const auto& [name, notifier] : notifiers) {
    faults.AddIfError(ValidateName("notifier", name));
    if (notifier == nullptr) faults.Add(fmt::format("notifier \"{}\" is null", name));
  }
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;
  RandomSource& random = options.random != nullptr ? *options.random : SystemRandomInstance();
  workers.Add(kDeliveryKind, std::make_unique<DeliveryWorker>(notifiers, options.store_id, random),
              {.timeout = options.timeout, .retry = options.retry});
  return workers.status();
}

}  // namespace outlive
