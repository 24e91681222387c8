// The supervisor of a child: see role.h.
#ifndef OUTLIVE_SRC_ISOLATE_SUPERVISOR_H_
#define OUTLIVE_SRC_ISOLATE_SUPERVISOR_H_

namespace outlive::isolate {

// In a process that was started as a supervisor: does its work, and ends the process.
[[noreturn]] void RunSupervisor(const char* program);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_SUPERVISOR_H_
