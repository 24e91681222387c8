// GuardedWorker is a worker of the user's in a process of a simulation: recorded, and stopped short
// where its process has died.
#ifndef OUTLIVE_SRC_TESTING_GUARDED_WORKER_H_
#define OUTLIVE_SRC_TESTING_GUARDED_WORKER_H_

#include <string_view>

#include "outlive/core/worker.h"
#include "outlive/core/worker_set.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_worker.h"

namespace outlive::testing::internal {

class ProcessLife;

class GuardedWorker final : public Worker {
 public:
  GuardedWorker(ProcessLife& life, Recorder& recorder, const WorkerSet::Entry& entry);

  Outcome Run(JobContext& job, std::string_view args) override;

 private:
  Outcome RunInside(JobContext& job, std::string_view args);

  ProcessLife& life_;
  const WorkerSet::Entry& entry_;
  RecordingWorker recorded_;
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_GUARDED_WORKER_H_
