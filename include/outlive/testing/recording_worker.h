// RecordingWorker writes down when an attempt begins and when it returns, around a worker of yours.
//
//   workers.Add("mail.send", std::make_unique<outlive::testing::RecordingWorker>(recorder, send));
//
// Thread-safety: as the worker inside.
// Lifetime:      the recorder outlives it.
#ifndef OUTLIVE_TESTING_RECORDING_WORKER_H_
#define OUTLIVE_TESTING_RECORDING_WORKER_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "outlive/core/job.h"
#include "outlive/core/worker.h"
#include "outlive/testing/history.h"

namespace outlive::testing {

class RecordingWorker final : public Worker {
 public:
  using Function = std::function<Outcome(JobContext& job, std::string_view args)>;

  RecordingWorker(Recorder& recorder, Function function)
      : recorder_(recorder), function_(std::move(function)) {}

  Outcome Run(JobContext& job, std::string_view args) override;

 private:
  Recorder& recorder_;
  const Function function_;
};

// What a worker does to a sink outside the store, recorded: `accept` says whether the sink took the
// fence. Returns what it said.
bool RecordEffect(Recorder& recorder, JobId job, std::int64_t fence,
                  const std::function<bool()>& accept);

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_RECORDING_WORKER_H_
