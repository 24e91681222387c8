// StopCaller calls what workers want called when they are asked to stop. On a thread of its own,
// because it is their code: where it blocks, it holds up neither the lease nor Runner::Stop().
//
//   Attempt::RequestStop() ──► cancelled() is true at once ──► StopCaller ──► callbacks
//
// Thread-safety: may be used from many threads at once; Start() and Stop() one at a time.
#ifndef OUTLIVE_SRC_ENGINE_STOP_CALLER_H_
#define OUTLIVE_SRC_ENGINE_STOP_CALLER_H_

#include <absl/status/status.h>

#include <deque>
#include <memory>
#include <thread>

#include "outlive/core/mutex.h"

namespace outlive::internal {

class Attempt;

class StopCaller {
 public:
  StopCaller() = default;
  ~StopCaller() { Stop(); }
  StopCaller(const StopCaller&) = delete;
  StopCaller& operator=(const StopCaller&) = delete;

  // kResourceExhausted: no thread could be started.
  absl::Status Start();

  // Calls Attempt::CallOnStop(), in order: soon, or here where nothing is started.
  void Add(std::shared_ptr<Attempt> attempt);

  // Makes the calls that are left, and ends the thread.
  void Stop();

 private:
  void Loop();

  std::thread thread_;  // Of Start() and Stop() only.

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<Attempt>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_STOP_CALLER_H_
