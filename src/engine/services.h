// What the parts of a runner share: borrowed, and the same for its whole life.
#ifndef OUTLIVE_SRC_ENGINE_SERVICES_H_
#define OUTLIVE_SRC_ENGINE_SERVICES_H_

#include "outlive/core/clock.h"
#include "outlive/core/group_commit.h"
#include "outlive/core/job_store.h"
#include "outlive/core/log.h"
#include "outlive/core/observer.h"
#include "outlive/core/random.h"
#include "outlive/core/worker_set.h"
#include "outlive/engine/runner.h"

namespace outlive::internal {

class StopCaller;

struct Services {
  const RunnerOptions& options;  // Every null filled in.
  const WorkerSet& workers;
  GroupCommit& commits;  // The client's.
  GroupCommit& leases;   // For sessions: the same, or one apart.
  GroupCommit& sweep;    // For rescue and retention: the same, or one apart.
  JobStore& store;
  const Clock& clock;
  LogSink& log;
  Observer& observer;
  RandomSource& random;
  StopCaller& stop_caller;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_SERVICES_H_
