// A worker process: sets its limits, then does one job after another.
#ifndef OUTLIVE_SRC_ISOLATE_WORKER_PROCESS_H_
#define OUTLIVE_SRC_ISOLATE_WORKER_PROCESS_H_

#include "outlive/core/worker_set.h"

namespace outlive::isolate {

// In a process that was started as a worker: returns what main() is to return, once the host has
// let go.
int RunWorkerProcess(const WorkerSet& workers);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_WORKER_PROCESS_H_
