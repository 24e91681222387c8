#include "isolate/child_pool.h"

#include <iterator>
#include <optional>
#include <utility>

#include "isolate/conversation.h"

namespace outlive::isolate {
namespace {

// It has said nothing without being asked, and can be talked to.
bool IsWell(Child& child) {
  child.Wait(absl::ZeroDuration());
  const absl::StatusOr<std::optional<Message>> message = child.Next();
  return !child.is_gone() && !child.is_silent() && message.ok() && !message->has_value();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> ChildPool::Take() {
  LookAfterLeaving();
  while (std::unique_ptr<Child> child = TakeIdle()) {
    if (IsWell(*child)) return child;
    // The job before has left something in it that went on, or the machine was out of memory.
    child->End();
    Report(*child, EndOf(*child));
  }
  absl::StatusOr<std::unique_ptr<Child>> child = Child::Start(options_);
  if (child.ok() && options_.observer != nullptr) {
    options_.observer->OnChildStarted(kind_, (*child)->worker_pid());
  }
  return child;
}

std::unique_ptr<Child> ChildPool::TakeIdle() {
  MutexLock lock(mutex_);
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Child> child = std::move(idle_.back());
  idle_.pop_back();
  return child;
}

void ChildPool::Give(std::unique_ptr<Child> child) {
  const bool worn = child->job_count >= options_.jobs_per_child;
  {
    MutexLock lock(mutex_);
    if (!worn && idle_.size() < static_cast<std::size_t>(options_.idle_count_max)) {
      idle_.push_back(std::move(child));
      return;
    }
  }
  // Its end is not waited for: the outcome of its job is.
  child->LetGo();
  child->let_go_at = options_.clock->SinceBoot();
  MutexLock lock(mutex_);
  leaving_.push_back(std::move(child));
}

void ChildPool::LookAfterLeaving() {
  Children leaving;
  {
    MutexLock lock(mutex_);
    leaving.swap(leaving_);
  }
  Children left;
  for (std::unique_ptr<Child>& child : leaving) {
    child->Wait(absl::ZeroDuration());
    if (child->is_gone()) {
      ReportRetired(*child);
      continue;
    }
    if (options_.clock->SinceBoot() - child->let_go_at > options_.grace) child->Kill();
    left.push_back(std::move(child));
  }
  if (left.empty()) return;
  MutexLock lock(mutex_);
  leaving_.insert(leaving_.end(), std::make_move_iterator(left.begin()),
                  std::make_move_iterator(left.end()));
}

void ChildPool::EndAll() {
  Children children;
  {
    MutexLock lock(mutex_);
    children.swap(leaving_);
    for (std::unique_ptr<Child>& child : idle_) children.push_back(std::move(child));
    idle_.clear();
  }
  for (const std::unique_ptr<Child>& child : children) child->LetGo();
  for (const std::unique_ptr<Child>& child : children) {
    if (!child->WaitUntilGone(options_.grace)) child->End();
    ReportRetired(*child);
  }
}

void ChildPool::ReportRetired(const Child& child) {
  ChildEnd end = EndOf(child);
  end.reason = ChildEnd::Reason::kRetired;
  Report(child, end);
}

void ChildPool::Report(const Child& child, const ChildEnd& end) {
  if (options_.observer != nullptr) {
    options_.observer->OnChildEnded(kind_, child.worker_pid(), end);
  }
}

}  // namespace outlive::isolate
