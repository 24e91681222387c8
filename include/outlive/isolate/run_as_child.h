// RunAsChild() is the one line of main() that isolated workers need: it does a child's work where
// this process was started to be one, and nothing at all anywhere else.
//
//   int main(int argc, char** argv) {
//     outlive::WorkerSet workers;
//     …  // Add workers.
//     if (std::optional<int> exit = outlive::RunAsChild(argc, argv, workers)) return *exit;
//
// Call it first, before threads, servers and files: every child runs main() up to here. A main()
// that does not call it makes no children: their start fails, and so do their jobs.
#ifndef OUTLIVE_ISOLATE_RUN_AS_CHILD_H_
#define OUTLIVE_ISOLATE_RUN_AS_CHILD_H_

#include <optional>

#include "outlive/core/worker_set.h"

namespace outlive {

// Nothing where this is no child. Else it returns when the child is not needed any more, with what
// main() is to return; a child whose host is gone ends at once, inside.
//
// `workers` has the kinds that this program can run: those added by AddIsolated() and, in a worker
// program of its own, by WorkerSet::Add(). Coroutine workers cannot be run here.
//
// In a child, SIGTERM, SIGINT and SIGHUP do nothing: whoever ends the host's service ends it by
// its host, which may let running jobs end first.
std::optional<int> RunAsChild(int argc, char* const* argv, const WorkerSet& workers);

}  // namespace outlive

#endif  // OUTLIVE_ISOLATE_RUN_AS_CHILD_H_
