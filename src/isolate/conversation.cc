#include "isolate/conversation.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>

#include "isolate/process.h"
#include "isolate/role.h"

namespace outlive::isolate {
namespace {

using Reason = ChildEnd::Reason;

// Processor time is looked at when all processors together could have used it up, but not more
// often than this.
constexpr absl::Duration kCpuCheckIntervalMin = absl::Milliseconds(5);

constexpr std::string_view kClosedChannel = "it has closed its channel";

}  // namespace

Outcome Conversation::Run(std::string_view args) {
  ++child_.job_count;
  child_.ForgetOutput();
  begun_at_ = Now();
  cpu_base_ = CpuTime(child_.worker_pid()).value_or(absl::ZeroDuration());
  if (options_.cpu_time != absl::InfiniteDuration()) cpu_check_at_ = begun_at_;
  SendJob(args);
  {
    const std::stop_callback wake(job_.stop_token(), [this] { child_.Wake(); });
    while (!ended_ && !child_.is_gone()) {
      LookAtStop();
      LookAtTime();
      child_.Wait(UntilNextDuty());
      ReadMessages();
    }
  }
  return Finish();
}

void Conversation::SendJob(std::string_view args) {
  RunJob run;
  run.id = job_.id();
  run.kind = job_.kind();
  run.queue = job_.queue();
  run.attempt = job_.attempt();
  run.attempt_count_max = job_.attempt_count_max();
  run.fence = job_.fence();
  run.traceparent = job_.traceparent();
  run.deadline = std::min(job_.deadline(), options_.clock->Now() + options_.wall_time);
  // The kernel is there for a host that does not get to run.
  run.cpu_time = options_.cpu_time + options_.grace;
  run.checkpoint = job_.checkpoint();
  run.args = args;
  child_.Send(run);
}

// -- What the child says ------------------------------------------------------------------------

void Conversation::ReadMessages() {
  while (!ended_ && fault_.empty()) {
    absl::StatusOr<std::optional<Message>> message = child_.Next();
    if (!message.ok()) {
      return OnFault({message.status().message().data(), message.status().message().size()});
    }
    if (!message->has_value()) break;
    OnMessage(**std::move(message));
  }
  // Its end may be on its way; if it is not, the child has closed the channel.
  if (!ended_ && !child_.is_gone() && child_.is_silent() && !verdict_) {
    verdict_ = Reason::kProtocol;
    kill_at_ = Now() + options_.grace;
  }
}

void Conversation::OnMessage(Message message) {
  if (const auto* report = std::get_if<ProgressReport>(&message)) {
    job_.ReportProgress(report->fraction, report->note);
  } else if (const auto* checkpoint = std::get_if<Checkpoint>(&message)) {
    child_.Send(Answer{job_.SaveCheckpoint(checkpoint->bytes)});
  } else if (const auto* publication = std::get_if<Publication>(&message)) {
    child_.Send(Answer{job_.PublishArtifact(publication->artifact)});
  } else if (auto* ended = std::get_if<JobEnded>(&message)) {
    ended_ = std::move(*ended);
  } else {
    OnFault("a message that is not for a host");
  }
}

void Conversation::OnFault(std::string_view what) {
  fault_ = what;
  verdict_ = Reason::kProtocol;
  kill_at_ = Now();
}

// -- Stopping it --------------------------------------------------------------------------------

void Conversation::LookAtStop() {
  switch (job_.stop_reason()) {
    case StopReason::kNone:
      return;
    case StopReason::kTimeout:
      return Stop(StopReason::kTimeout, Reason::kWallTime);
    default:
      return Stop(job_.stop_reason(), Reason::kStopped);
  }
}

void Conversation::LookAtTime() {
  const absl::Duration now = Now();
  if (now - begun_at_ >= options_.wall_time) Stop(StopReason::kTimeout, Reason::kWallTime);
  if (now >= cpu_check_at_) {
    const absl::Duration left = options_.cpu_time - CpuTimeUsed();
    const int processors = std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
    cpu_check_at_ = now + std::max(left / processors, kCpuCheckIntervalMin);
    if (left <= absl::ZeroDuration()) Stop(StopReason::kTimeout, Reason::kCpuTime);
  }
  if (now >= kill_at_ && !killed_) {
    killed_ = true;
    child_.End();
  }
}

// Only the first reason counts.
void Conversation::Stop(StopReason reason, Reason verdict) {
  if (verdict_) return;
  verdict_ = verdict;
  kill_at_ = Now() + options_.grace;
  child_.Send(StopJob{reason});
}

absl::Duration Conversation::UntilNextDuty() const {
  if (child_.is_gone()) return absl::ZeroDuration();
  absl::Duration next = cpu_check_at_;
  if (!killed_) next = std::min(next, kill_at_);
  if (!verdict_) next = std::min(next, begun_at_ + options_.wall_time);
  return next == absl::InfiniteDuration() ? next : std::max(next - Now(), absl::ZeroDuration());
}

absl::Duration Conversation::CpuTimeUsed() const {
  const std::optional<absl::Duration> used = CpuTime(child_.worker_pid());
  return used ? *used - cpu_base_ : absl::ZeroDuration();
}

// -- What became of it --------------------------------------------------------------------------

Outcome Conversation::Finish() {
  if (!ended_) {
    end_ = EndOfChild();
    return OutcomeOf(*end_);
  }
  if (ended_->left_overs) {
    child_.End();
    end_ = EndOfChild();
    end_->reason = Reason::kRetired;
    end_->detail = "a job had left processes behind";
  } else if (child_.is_gone()) {
    end_ = EndOfChild();
  }
  const Outcome& outcome = ended_->outcome;
  const bool stands =
      outcome.kind() == Outcome::Kind::kDone || outcome.kind() == Outcome::Kind::kDead;
  const bool timed_out = verdict_ == Reason::kWallTime || verdict_ == Reason::kCpuTime;
  if (stands || !timed_out) return outcome;
  return Retry(absl::DeadlineExceededError(fmt::format(
      "the child was asked to stop for {}, and did, after {:.2f} s (cpu {:.2f} s)",
      verdict_ == Reason::kCpuTime ? "using too much processor time" : "taking too long",
      absl::ToDoubleSeconds(Now() - begun_at_), absl::ToDoubleSeconds(CpuTimeUsed()))));
}

ChildEnd Conversation::EndOfChild() const {
  ChildEnd end = EndOf(child_);
  end.wall_time = Now() - begun_at_;
  end.cpu_time = std::max(end.cpu_time - cpu_base_, absl::ZeroDuration());
  const std::optional<WorkerEnded>& ended = child_.ended();
  const bool by_us = killed_ && ended && !ended->exited && ended->code == SIGKILL;
  if (!fault_.empty()) {
    end.reason = Reason::kProtocol;
    end.detail = fault_;
  } else if (by_us && verdict_) {
    end.reason = *verdict_;
    if (end.reason == Reason::kProtocol) end.detail = kClosedChannel;
  }
  return end;
}

ChildEnd EndOf(const Child& child) {
  ChildEnd end;
  end.wall_time = child.age();
  end.job_count = child.job_count;
  end.output_tail = child.output_tail();
  const std::optional<WorkerEnded>& ended = child.ended();
  if (!ended) return end;
  end.code = static_cast<int>(ended->code);
  end.cpu_time = ended->cpu_time;
  end.memory_peak_bytes = ended->memory_peak_bytes;
  if (ended->left_overs) end.detail = "some of its processes could not be killed";
  if (ended->allocation_failed || (ended->exited && ended->code == kExitOutOfMemory)) {
    end.reason = Reason::kOutOfMemory;
  } else if (!ended->exited) {
    end.reason = ended->code == SIGXCPU ? Reason::kCpuTime : Reason::kSignalled;
  } else if (ended->code == kExitHostLost) {
    end.reason = Reason::kProtocol;
    end.detail = kClosedChannel;
  } else {
    end.reason = Reason::kExited;
  }
  return end;
}

}  // namespace outlive::isolate
