#include "outlive/core/worker_set.h"

#include <fmt/format.h>

#include "outlive/core/job.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"

namespace outlive {

Outcome UndecodableArgs(const absl::Status& why) {
  return Dead(fmt::format("the arguments cannot be read: {}",
                          std::string_view(why.message().data(), why.message().size())));
}

WorkerSet& WorkerSet::Add(std::string_view kind, std::unique_ptr<Worker> worker,
                          WorkerOptions options) {
  Entry entry;
  entry.worker = std::move(worker);
  entry.options = std::move(options);
  return AddEntry(kind, std::move(entry));
}

WorkerSet& WorkerSet::Add(std::string_view kind, std::unique_ptr<CoroutineWorker> worker,
                          WorkerOptions options) {
  Entry entry;
  entry.coroutine = std::move(worker);
  entry.options = std::move(options);
  return AddEntry(kind, std::move(entry));
}

WorkerSet& WorkerSet::AddEntry(std::string_view kind, Entry entry) {
  const auto fault = [&](std::string_view text) {
    faults_ += fmt::format("{}worker \"{}\": {}", faults_.empty() ? "" : "; ",
                           EscapeForLog(kind.substr(0, limits::kNameBytesMax)), text);
  };
  const auto check = [&](const absl::Status& status) {
    if (!status.ok()) fault({status.message().data(), status.message().size()});
  };
  check(ValidateName("kind", kind));
  check(ValidateRetryPolicy(entry.options.retry));
  if (entry.options.timeout <= absl::ZeroDuration()) fault("timeout must be positive");
  if (entry.worker == nullptr && entry.coroutine == nullptr) fault("must not be null");
  if (!entries_.try_emplace(std::string(kind), std::move(entry)).second) {
    fault("there is one for this kind already");
  }
  return *this;
}

absl::Status WorkerSet::status() const {
  return faults_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(faults_);
}

}  // namespace outlive
