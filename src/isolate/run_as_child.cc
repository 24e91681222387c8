#include "outlive/isolate/run_as_child.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "isolate/role.h"
#include "isolate/supervisor.h"
#include "isolate/worker_process.h"

namespace outlive {
namespace {

// Somebody may have typed the argument.
bool HasSocket(int descriptor) {
  struct stat state = {};
  return fstat(descriptor, &state) == 0 && S_ISSOCK(state.st_mode);
}

}  // namespace

std::optional<int> RunAsChild(int argc, char* const* argv, const WorkerSet& workers) {
  if (argc != 2) return std::nullopt;
  const std::string_view role = argv[1];
  if (role != isolate::kSupervisorArgument && role != isolate::kWorkerArgument) {
    return std::nullopt;
  }
  if (!HasSocket(isolate::kControl)) {
    constexpr std::string_view kWhy = "This is how outlive starts its children, and nobody else.\n";
    static_cast<void>(write(STDERR_FILENO, kWhy.data(), kWhy.size()));
    return isolate::kExitUsage;
  }
  if (role == isolate::kSupervisorArgument) isolate::RunSupervisor(argv[0]);
  return isolate::RunWorkerProcess(workers);
}

}  // namespace outlive
