// What Linux has to say about processes.
#ifndef OUTLIVE_SRC_ISOLATE_PROCESS_H_
#define OUTLIVE_SRC_ISOLATE_PROCESS_H_

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "isolate/descriptor.h"

namespace outlive::isolate {

// A descriptor that can be read once the process has ended, whoever its parent is and whatever that
// does with SIGCHLD. None where there is no such process, or the kernel cannot do it.
Descriptor OpenProcess(pid_t pid);

// Waits until `process` has ended, as long as `timeout`. A process that is a child of this one is
// taken off the system's list, unless somebody else has done so.
bool WaitForEnd(const Descriptor& process, absl::Duration timeout);

// False: there is no such process any more, not even one that nobody has waited for.
bool Kill(const Descriptor& process);

// Processor time that a process has used; nothing where there is no such process.
std::optional<absl::Duration> CpuTime(pid_t pid);

struct ChildProcess {
  pid_t pid = -1;
  pid_t group = -1;
  pid_t session = -1;
};

// Processes whose parent is this one. Nothing where the system does not say.
std::optional<std::vector<ChildProcess>> Children();

// Address space of this process, in bytes; 0: the system does not say.
std::uint64_t AddressSpaceBytes();

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_PROCESS_H_
