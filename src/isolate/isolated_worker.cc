#include "isolate/isolated_worker.h"

#include <cstdlib>
#include <utility>

#include "core/faults.h"
#include "isolate/conversation.h"
#include "isolate/role.h"

namespace outlive {
namespace isolate {
namespace {

constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{16} << 20;
constexpr int kOpenFilesMin = 16;

IsolateOptions WithDefaults(IsolateOptions options) {
  if (options.clock == nullptr) options.clock = &SystemClockInstance();
  if (options.random == nullptr) options.random = &SystemRandomInstance();
  return options;
}

// "NAME" or "NAME=value".
bool IsVariable(std::string_view entry) {
  return !entry.empty() && entry.front() != '=' && entry.find('\0') == std::string_view::npos;
}

bool IsFinite(absl::Duration duration) {
  return duration > -absl::InfiniteDuration() && duration < absl::InfiniteDuration();
}

}  // namespace

IsolatedWorker::IsolatedWorker(std::string_view kind, std::unique_ptr<Worker> inner,
                               IsolateOptions options)
    : inner_(std::move(inner)),
      options_(WithDefaults(std::move(options))),
      children_(std::string(kind), options_) {}

Outcome IsolatedWorker::Run(JobContext& job, std::string_view args) {
  if (std::getenv(kChildMark) != nullptr) {
    return Retry(absl::FailedPreconditionError(
        "this is a child itself: main() does not call outlive::RunAsChild() first"));
  }
  absl::StatusOr<std::unique_ptr<Child>> child = children_.Take();
  if (!child.ok()) return Retry(child.status());
  Conversation conversation(**child, job, options_);
  Outcome outcome = conversation.Run(args);
  if (conversation.end()) {
    children_.Report(**child, *conversation.end());
  } else {
    children_.Give(*std::move(child));
  }
  return outcome;
}

absl::Status ValidateIsolation(const IsolateOptions& options, bool is_here) {
  constexpr absl::Duration kNone = absl::ZeroDuration();
  internal::Faults faults("isolation");
  faults.Require(is_here || !options.program.empty(), "there is neither a worker nor a program");
  faults.Require(options.memory_bytes == 0 || options.memory_bytes >= kMemoryBytesMin,
                 "memory_bytes must be 0, or at least 16 MiB");
  faults.Require(options.cpu_time > kNone, "cpu_time must be positive");
  faults.Require(options.wall_time > kNone, "wall_time must be positive");
  faults.Require(options.open_files == 0 || options.open_files >= kOpenFilesMin,
                 "open_files must be 0, or at least 16");
  faults.Require(options.jobs_per_child >= 1, "jobs_per_child must be 1 or more");
  faults.Require(options.grace >= kNone && IsFinite(options.grace),
                 "grace must be 0 or more, and finite");
  faults.Require(options.start_timeout > kNone && IsFinite(options.start_timeout),
                 "start_timeout must be positive and finite");
  faults.Require(options.idle_count_max >= 0, "idle_count_max must be 0 or more");
  faults.Require(options.program.find('\0') == std::string::npos, "program must have no NUL");
  for (const std::string& entry : options.environment) {
    faults.Require(IsVariable(entry), "environment must have names, or NAME=value, without NUL");
  }
  return faults.ToStatus();
}

}  // namespace isolate

std::vector<std::string> DefaultChildEnvironment() {
  return {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"};
}

WorkerSet& AddIsolated(WorkerSet& workers, std::string_view kind, std::unique_ptr<Worker> worker,
                       IsolateOptions isolate, WorkerOptions options) {
  workers.AddFault(kind, isolate::ValidateIsolation(isolate, worker != nullptr));
  return workers.Add(
      kind, std::make_unique<isolate::IsolatedWorker>(kind, std::move(worker), std::move(isolate)),
      std::move(options));
}

}  // namespace outlive
