#include "outlive/core/group_commit.h"

#include <fmt/format.h>

#include <atomic>
#include <system_error>
#include <utility>

#include "outlive/core/limits.h"

namespace outlive {

struct GroupCommit::Request {
  // For a caller that waits: kWaiting until it is told to lead, or that it is done.
  enum State : int { kWaiting, kLead, kDone };

  int job_count = 0;
  Work work;
  Done done;  // Null: somebody waits in Run().
  absl::Status status;
  std::atomic<int> state{kWaiting};

  void Tell(State now) {
    state.store(now, std::memory_order_release);
    state.notify_one();
  }
};

namespace {

// The store, not the request, is the reason: running it alone would not help.
bool IsOfTheStore(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnknown(status) || absl::IsDataLoss(status);
}

}  // namespace

GroupCommit::GroupCommit(JobStore& store) : store_(store) {}

GroupCommit::~GroupCommit() { Stop(); }

absl::Status GroupCommit::Run(int job_count,
                              absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
  const auto request = std::make_shared<Request>();
  request->job_count = job_count;
  request->work = [work](StoreTransaction& transaction) { return work(transaction); };
  bool lead = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::FailedPreconditionError("the client is stopped");
    lead = Add(request);
  }
  if (!lead) {
    request->state.wait(Request::kWaiting, std::memory_order_acquire);
    lead = request->state.load(std::memory_order_acquire) == Request::kLead;
  }
  // A leader's own request is at the front of the queue, so it is in the batch.
  if (lead) LeadOnce();
  return request->status;
}

void GroupCommit::Submit(int job_count, Work work, Done done) {
  const auto request = std::make_shared<Request>();
  request->job_count = job_count;
  request->work = std::move(work);
  request->done = std::move(done);
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    refused = stopping_ ? absl::FailedPreconditionError("the client is stopped") : StartThread();
    if (refused.ok() && Add(request)) PassOn();
  }
  if (!refused.ok()) request->done(refused);
}

absl::Status GroupCommit::StartThread() {
  if (thread_.joinable()) return absl::OkStatus();
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error& error) {
    return absl::UnavailableError(fmt::format("no thread could be started: {}", error.what()));
  }
  return absl::OkStatus();
}

void GroupCommit::Stop() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    while (led_ || !queue_.empty() || telling_ > 0) changed_.Wait(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

// True where the caller has to lead, or to find somebody who does.
bool GroupCommit::Add(const std::shared_ptr<Request>& request) {
  queue_.push_back(request);
  if (led_) return false;
  led_ = true;
  return true;
}

GroupCommit::Batch GroupCommit::TakeBatch() {
  Batch batch;
  int job_count = 0;
  while (!queue_.empty()) {
    job_count += queue_.front()->job_count;
    if (!batch.empty() && job_count > limits::kCommitJobCountMax) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

// Makes the owner of the next request lead; the thread owns those that nobody waits for.
void GroupCommit::PassOn() {
  if (queue_.empty()) {
    led_ = false;
    if (stopping_) changed_.NotifyAll();
  } else if (queue_.front()->done != nullptr) {
    thread_leads_ = true;
    changed_.NotifyAll();
  } else {
    queue_.front()->Tell(Request::kLead);
  }
}

void GroupCommit::LeadOnce() {
  Batch batch;
  {
    MutexLock lock(mutex_);
    batch = TakeBatch();
  }
  Execute(batch);
  {
    // The next batch begins before this one's callers have been told.
    MutexLock lock(mutex_);
    ++telling_;
    PassOn();
  }
  for (const std::shared_ptr<Request>& request : batch) {
    if (request->done != nullptr) {
      request->done(request->status);
    } else {
      request->Tell(Request::kDone);
    }
  }
  MutexLock lock(mutex_);
  --telling_;
  if (stopping_) changed_.NotifyAll();
}

void GroupCommit::Execute(const Batch& batch) {
  const auto end_all = [&batch](const absl::Status& status) {
    for (const std::shared_ptr<Request>& request : batch) request->status = status;
  };
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = store_.Begin();
  if (!transaction.ok()) return end_all(transaction.status());
  for (const std::shared_ptr<Request>& request : batch) {
    absl::Status status = request->work(**transaction);
    if (status.ok()) continue;
    transaction->reset();  // Nothing of this batch stays.
    if (batch.size() == 1 || IsOfTheStore(status)) return end_all(status);
    for (const std::shared_ptr<Request>& alone : batch) Execute({alone});
    return;
  }
  end_all((*transaction)->Commit());
}

void GroupCommit::Loop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!thread_leads_ && !(stopping_ && !led_ && queue_.empty())) changed_.Wait(mutex_);
      if (!thread_leads_) return;
      thread_leads_ = false;
    }
    LeadOnce();
  }
}

}  // namespace outlive
