// Child is the host's side of one child: a supervisor, the worker process below it, and what goes
// between them and here. It moves bytes; what they mean is for a Conversation.
//
// Thread-safety: for one thread at a time, but for Wake().
// Lifetime:      the destructor ends it, and returns when nothing of it is left.
#ifndef OUTLIVE_SRC_ISOLATE_CHILD_H_
#define OUTLIVE_SRC_ISOLATE_CHILD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "isolate/descriptor.h"
#include "isolate/message_stream.h"
#include "outlive/core/clock.h"
#include "outlive/core/random.h"
#include "outlive/isolate/isolated_worker.h"

namespace outlive::isolate {

class Child {
 public:
  // Starts one that is ready for its first job. Options have their nulls filled in.
  //
  // Errors: kUnavailable: why not; nothing is left of it.
  static absl::StatusOr<std::unique_ptr<Child>> Start(const IsolateOptions& options);

  ~Child() { End(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t worker_pid() const { return worker_pid_; }

  // Since it was started.
  absl::Duration age() const { return clock_.SinceBoot() - started_at_; }

  // -- Talking -------------------------------------------------------------------------------

  void Send(const Message& message);

  // Waits until something has come or gone or Wake() was called, at most `timeout`.
  void Wait(absl::Duration timeout);

  // From any thread, as long as the child is there.
  void Wake() const;

  // What the worker process has said.
  //
  // Errors: kInvalidArgument: it does not speak the protocol.
  absl::StatusOr<std::optional<Message>> Next() { return from_worker_.Next(); }

  // Nothing more will come from the worker process.
  bool is_silent() const { return channel_.get() < 0; }

  // Neither the worker process nor anything that came of it is left; how it ended, if that is
  // known.
  bool is_gone() const { return control_.get() < 0; }
  const std::optional<WorkerEnded>& ended() const { return ended_; }

  // The last bytes that it wrote to stdout and stderr.
  const std::string& output_tail() const { return output_tail_; }

  // Forgets them, and what it has written but was not read yet.
  void ForgetOutput();

  // -- Ending --------------------------------------------------------------------------------

  // It has no job, and will not get another one: it ends by itself.
  void LetGo();

  // Kills it and everything that came of it; does not wait.
  void Kill();

  // Waits until it is gone; false after `timeout`.
  bool WaitUntilGone(absl::Duration timeout);

  // Kills it, and returns when it is gone.
  void End();

  // -- Kept here for whoever has the child ---------------------------------------------------

  int job_count = 0;
  absl::Duration let_go_at = absl::ZeroDuration();  // By SinceBoot().

 private:
  explicit Child(const Clock& clock) : clock_(clock), started_at_(clock.SinceBoot()) {}

  absl::Status Launch(const IsolateOptions& options);
  absl::Status MeetWorker(const IsolateOptions& options);
  absl::Status WhyNotReady(std::string_view otherwise);
  void ReadControl();
  bool ReadOutput();
  void DrainOutput();
  void OnGone();

  const Clock& clock_;
  const absl::Duration started_at_;
  Descriptor control_;  // To the supervisor.
  Descriptor channel_;  // To the worker process.
  Descriptor output_;   // What the worker writes to stdout and stderr.
  Descriptor wake_;
  Descriptor supervisor_;
  pid_t supervisor_pid_ = -1;
  pid_t worker_pid_ = -1;
  MessageReader from_supervisor_{-1};
  MessageReader from_worker_{-1};
  MessageWriter to_worker_{-1};
  bool killed_ = false;
  std::string not_started_;  // Why.
  std::optional<WorkerEnded> ended_;
  std::string output_tail_;
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_CHILD_H_
