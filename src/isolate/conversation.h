// Conversation is one job in one child, as its host sees it: the job goes out, what the child says
// is done on its behalf, and it is stopped and killed when it must be. The outcome is the child's
// own, or follows from its end.
//
//   RunJob ──► (ProgressReport, Checkpoint, Publication)* ──► JobEnded, or the child's end
//
// Thread-safety: for one thread.
#ifndef OUTLIVE_SRC_ISOLATE_CONVERSATION_H_
#define OUTLIVE_SRC_ISOLATE_CONVERSATION_H_

#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>

#include "isolate/child.h"
#include "isolate/message.h"
#include "outlive/core/worker.h"
#include "outlive/isolate/isolated_worker.h"

namespace outlive::isolate {

class Conversation {
 public:
  // All are borrowed; options have their nulls filled in.
  Conversation(Child& child, JobContext& job, const IsolateOptions& options)
      : child_(child), job_(job), options_(options) {}

  // To be called once. The child is gone after it, or can do another job.
  Outcome Run(std::string_view args);

  // How the child ended; nothing: it is still there.
  const std::optional<ChildEnd>& end() const { return end_; }

 private:
  absl::Duration Now() const { return options_.clock->SinceBoot(); }
  void SendJob(std::string_view args);
  void ReadMessages();
  void OnMessage(Message message);
  void OnFault(std::string_view what);
  void LookAtStop();
  void LookAtTime();
  void Stop(StopReason reason, ChildEnd::Reason verdict);
  absl::Duration UntilNextDuty() const;
  absl::Duration CpuTimeUsed() const;
  Outcome Finish();
  ChildEnd EndOfChild() const;

  Child& child_;
  JobContext& job_;
  const IsolateOptions& options_;

  absl::Duration begun_at_ = absl::ZeroDuration();
  absl::Duration cpu_base_ = absl::ZeroDuration();  // What the child had used before.
  absl::Duration cpu_check_at_ = absl::InfiniteDuration();
  absl::Duration kill_at_ = absl::InfiniteDuration();

  // Why it was asked to stop, or is killed: what its end is called if it comes of that.
  std::optional<ChildEnd::Reason> verdict_;
  bool killed_ = false;
  std::string fault_;

  std::optional<JobEnded> ended_;
  std::optional<ChildEnd> end_;
};

// How `child`, which is gone, has ended by itself; what is left out is the caller's to know.
ChildEnd EndOf(const Child& child);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_CONVERSATION_H_
