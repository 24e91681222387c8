// What the host, a supervisor and a worker process have agreed on.
//
//   host ──posix_spawn──► supervisor ──posix_spawn──► worker process ──► whatever a job starts
//
// The host talks to both. The supervisor has one purpose: it waits until the worker process has
// ended, or the host wants it to, or the host is gone; then it kills whatever is left of the worker
// and its descendants, which the kernel hands to it one after another as their parents die, and
// says how the worker ended.
#ifndef OUTLIVE_SRC_ISOLATE_ROLE_H_
#define OUTLIVE_SRC_ISOLATE_ROLE_H_

#include <string_view>

namespace outlive::isolate {

// The one argument of a child.
inline constexpr std::string_view kSupervisorArgument = "--outlive-child=supervisor";
inline constexpr std::string_view kWorkerArgument = "--outlive-child=worker";

// Is in the environment of a child until RunAsChild() takes it out: a program that has it and still
// wants to start children does not call that.
inline constexpr char kChildMark[] = "OUTLIVE_ISOLATED_CHILD";

// Descriptors of a supervisor.
inline constexpr int kControl = 3;        // A socket to the host. Its end is the end.
inline constexpr int kChannelToPass = 4;  // The worker's.
inline constexpr int kOutputToPass = 5;   // A pipe to the host: the worker's stdout and stderr.
inline constexpr int kSupervisorCount = 6;

// Descriptors of a worker process.
inline constexpr int kChannel = 3;  // A socket to the host.
inline constexpr int kAlarm = 4;    // An eventfd to the supervisor: an allocation has failed.

// How a worker process ends itself.
inline constexpr int kExitUsage = 64;        // It was not started by a host.
inline constexpr int kExitOutOfMemory = 70;  // A job was out of memory, and noticed.
inline constexpr int kExitSetUp = 71;        // Its limits could not be set.
inline constexpr int kExitHostLost = 74;     // It cannot talk to its host.

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_ROLE_H_
