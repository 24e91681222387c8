// Starts programs.
#ifndef OUTLIVE_SRC_ISOLATE_SPAWN_H_
#define OUTLIVE_SRC_ISOLATE_SPAWN_H_

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace outlive::isolate {

struct SpawnRequest {
  std::string program = {};  // A path.
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};  // "NAME=value"

  // The i-th of them becomes descriptor i of the program, which has no others. Borrowed. −1:
  // /dev/null.
  std::vector<int> descriptors = {};
};

// Starts `request.program` in a process group of its own, with every signal at its default and none
// blocked. May be called from any thread of a process with many.
//
// Errors: kUnavailable: what the system said.
absl::StatusOr<pid_t> Spawn(const SpawnRequest& request);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_SPAWN_H_
