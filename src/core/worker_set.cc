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
  const auto require = [&](bool holds, std::string_view otherwise) {
    if (!holds) AddFault(kind, absl::InvalidArgumentError(std::string(otherwise)));
  };
  AddFault(kind, ValidateName("kind", kind));
  AddFault(kind, ValidateRetryPolicy(entry.options.retry));
  require(entry.options.timeout > absl::ZeroDuration(), "timeout must be positive");
  require(entry.worker != nullptr || entry.coroutine != nullptr, "must not be null");
  require(entries_.try_emplace(std::string(kind), std::move(entry)).second,
          "there is one for this kind already");
  return *this;
}

void WorkerSet::AddFault(std::string_view kind, const absl::Status& why) {
  if (why.ok()) return;
  faults_ += fmt::format("{}worker \"{}\": {}", faults_.empty() ? "" : "; ",
                         EscapeForLog(kind.substr(0, limits::kNameBytesMax)),
                         std::string_view(why.message().data(), why.message().size()));
}

absl::Status WorkerSet::status() const {
  return faults_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(faults_);
}

}  // namespace outlive
