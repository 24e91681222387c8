// HostLink is a worker process's side of the channel to its host. One thread of its own reads, so
// that a request to stop arrives while a job runs; whoever has something to say writes.
//
// Thread-safety: may be used from many threads at once, but for SetUp(), Start() and NextJob().
// Lifetime:      the destructor returns when the thread has ended, which it does once the host has
//                let go.
// Errors:        a host that is gone in the middle of a job ends the process at once: nobody wants
//                what it does any more.
#ifndef OUTLIVE_SRC_ISOLATE_HOST_LINK_H_
#define OUTLIVE_SRC_ISOLATE_HOST_LINK_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "isolate/descriptor.h"
#include "isolate/message_stream.h"
#include "outlive/core/clock.h"
#include "outlive/core/mutex.h"

namespace outlive::isolate {

class HostLink {
 public:
  // Both are borrowed.
  HostLink(int socket, const Clock& clock);
  ~HostLink();
  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;

  // The first message of the host; nothing: it is another one, or the host is gone.
  std::optional<SetUp> ReadSetUp();

  // Starts to read. False: the system gives no thread.
  bool Start();

  // Waits for the next job; nothing: there will be none.
  std::optional<RunJob> NextJob();

  // The job that NextJob() gave begins; `stop` is called, on another thread, when it is to stop, at
  // once where it already is.
  void Begin(std::function<void(StopReason)> stop);

  // It has ended: sends what was reported, and `message`. A call of `stop` may still be under way.
  void End(const JobEnded& message);

  void Send(const Message& message);

  // Sends, and waits for the host's answer.
  absl::Status Call(const Message& message);

  // Sends the latest progress, but not too often.
  void Report(double fraction, std::string_view note);

 private:
  void Loop();
  void OnMessage(Message message);
  void OnStop(StopReason reason);
  void OnHostLost();
  int WaitMillis();
  void FlushReport();
  void SendReport() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  const int socket_;
  const Clock& clock_;
  const Descriptor wake_;  // There is a report to be sent later.
  std::thread thread_;
  MessageReader reader_;  // Of the thread, once that has started.

  Mutex mutex_;
  CondVar changed_;
  std::optional<RunJob> next_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // From RunJob to JobEnded.
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
  StopReason stopped_ ABSL_GUARDED_BY(mutex_) = StopReason::kNone;
  std::function<void(StopReason)> stop_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> answer_ ABSL_GUARDED_BY(mutex_);

  Mutex call_mutex_;  // One call at a time.

  Mutex write_mutex_;
  MessageWriter writer_ ABSL_GUARDED_BY(write_mutex_);
  ProgressReport report_ ABSL_GUARDED_BY(write_mutex_);
  bool has_report_ ABSL_GUARDED_BY(write_mutex_) = false;
  absl::Duration reported_at_ ABSL_GUARDED_BY(write_mutex_) = -absl::InfiniteDuration();
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_HOST_LINK_H_
