#include "outlive/core/group_commit.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"

namespace outlive {

struct GroupCommit::Request {
  int job_count = 0;
  bool alone = false;  // In its group.
  bool last = false;   // Of its group.
  Work work;
  Done done;  // Null: somebody waits in Run(), and the request is on that stack.
  absl::Span<const NewJob> adds;
  absl::Status status;
};

// Requests that share a commit, in the order of their coming.
struct GroupCommit::Group {
  std::vector<Request*> requests;
  std::vector<std::unique_ptr<Request>> submitted;  // Those of Submit().
  int job_count = 0;

  // What is waited for: the owner of the first request may lead, the others are done. Each of its
  // own, so that nobody is woken who has nothing to do. Of a size that the system can wait for.
  std::atomic<int> may_lead{0};
  std::atomic<int> done{0};
};

namespace {

// Of a group whose transaction was undone for another's sake.
constexpr int kAttemptCountMax = 4;

// Before the second attempt; twice as long before each further one.
constexpr std::chrono::nanoseconds kPauseMax = std::chrono::milliseconds(2);

// The store, not the request, is the reason: running it alone would not help.
bool IsOfTheStore(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnknown(status) || absl::IsDataLoss(status);
}

bool CountsBacklog(absl::Span<const NewJob> jobs) {
  return std::any_of(jobs.begin(), jobs.end(),
                     [](const NewJob& job) { return job.backlog_max > 0; });
}

}  // namespace

// The companion of a group, if one comes along; it is told how that ends, whatever happens. Where
// other processes may have to wait already (`last`) nobody does.
class GroupCommit::Along {
 public:
  Along(GroupCommit& commits, absl::Span<Request* const> requests) : commits_(commits) {
    const auto adds = [](const Request* each) { return !each->adds.empty(); };
    const auto is_last = [](const Request* each) { return each->last; };
    if (std::none_of(requests.begin(), requests.end(), adds)) return;
    if (std::any_of(requests.begin(), requests.end(), is_last)) return;
    const auto joins = [this](const Request* each) {
      return !each->adds.empty() && Joins(each->adds);
    };
    for (std::size_t i = 0; Ask(i); ++i) {
      if (std::any_of(requests.begin(), requests.end(), joins)) return;
      Forget();
    }
  }

  ~Along() {
    if (companion_ != nullptr) End(committing_ ? commits_.thrown_in_doubt_ : commits_.thrown_);
  }
  Along(const Along&) = delete;
  Along& operator=(const Along&) = delete;

  // Exceptions are the companion's own failure.
  absl::Status Work(StoreTransaction& transaction) {
    if (companion_ == nullptr) return absl::OkStatus();
    try {
      return companion_->Work(transaction);
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (...) {
      return commits_.thrown_;
    }
  }

  void Committing() { committing_ = true; }

  void End(const absl::Status& status) {
    if (companion_ == nullptr) return;
    companion_->End(status);
    Forget();
  }

 private:
  // The companion of this number, if there is one: Leave() waits for it from now on.
  bool Ask(std::size_t i) {
    MutexLock lock(commits_.mutex_);
    if (i >= commits_.companions_.size()) return false;
    commits_.asked_ = commits_.companions_[i];
    companion_ = commits_.asked_;
    return true;
  }

  bool Joins(absl::Span<const NewJob> added) {
    try {
      return companion_->Join(added);
    } catch (abi::__forced_unwind&) {
      Forget();
      throw;
    } catch (...) {
      return false;
    }
  }

  void Forget() {
    companion_ = nullptr;
    MutexLock lock(commits_.mutex_);
    commits_.asked_ = nullptr;
    commits_.changed_.NotifyAll();
  }

  GroupCommit& commits_;
  CommitCompanion* companion_ = nullptr;
  bool committing_ = false;
};

GroupCommit::GroupCommit(JobStore& store, Purpose purpose, RandomSource* random)
    : store_(store),
      purpose_(purpose),
      random_(random == nullptr ? SystemRandomInstance() : *random),
      thrown_(absl::UnavailableError("an exception ended the transaction; nothing was written")),
      thrown_in_doubt_(absl::UnknownError("an exception ended the commit: it is in doubt")) {}

void GroupCommit::EndAll(absl::Span<Request* const> requests, const absl::Status& status) {
  for (Request* request : requests) request->status = status;
}

GroupCommit::~GroupCommit() { Stop(); }

absl::Status GroupCommit::Run(int job_count,
                              absl::FunctionRef<absl::Status(StoreTransaction&)> work,
                              absl::Span<const NewJob> adds) {
  Request request;
  request.adds = adds;
  request.last = CountsBacklog(adds);
  request.job_count = job_count;
  request.work = [work](StoreTransaction& transaction) { return work(transaction); };
  return RunRequest(request);
}

absl::Status GroupCommit::RunChange(int job_count,
                                    absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
  Request request;
  request.job_count = job_count;
  request.alone = store_.info().changes_apart;
  request.work = [work](StoreTransaction& transaction) { return work(transaction); };
  return RunRequest(request);
}

absl::Status GroupCommit::RunRequest(Request& request) {
  std::shared_ptr<Group> group;
  bool leads = false;
  bool waits = true;
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::FailedPreconditionError("the client is stopped");
    group = Join(request);
    leads = group->requests.front() == &request;
    waits = std::exchange(led_, true);
  }
  if (!leads) {
    group->done.wait(0, std::memory_order_acquire);
  } else {
    if (waits) group->may_lead.wait(0, std::memory_order_acquire);
    LeadOnce();
  }
  return request.status;
}

void GroupCommit::Submit(int job_count, Work work, Done done, absl::Span<const NewJob> adds) {
  auto request = std::make_unique<Request>();
  request->adds = adds;
  request->last = CountsBacklog(adds);
  request->job_count = job_count;
  request->work = std::move(work);
  request->done = std::move(done);
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    refused = stopping_ ? absl::FailedPreconditionError("the client is stopped") : StartThread();
    if (refused.ok()) {
      Join(*request)->submitted.push_back(std::move(request));
      if (!std::exchange(led_, true)) PassOn();
    }
  }
  if (!refused.ok()) request->done(refused);
}

void GroupCommit::Accompany(CommitCompanion& companion) {
  MutexLock lock(mutex_);
  companions_.push_back(&companion);
}

void GroupCommit::Leave(CommitCompanion& companion) {
  MutexLock lock(mutex_);
  std::erase(companions_, &companion);
  while (asked_ == &companion) changed_.Wait(mutex_);
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
    while (led_ || !groups_.empty() || telling_ > 0) changed_.Wait(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

// Whether the group that gathers takes it.
bool GroupCommit::HasRoom(const Request& request) const {
  if (groups_.empty()) return false;
  const Group& group = *groups_.back();
  if (request.alone || group.requests.front()->alone) return false;
  return group.job_count + request.job_count <= limits::kCommitJobCountMax;
}

// Adds a request to the group that gathers, or to a new one where it has no room.
std::shared_ptr<GroupCommit::Group> GroupCommit::Join(Request& request) {
  if (!HasRoom(request)) {
    groups_.push_back(std::make_shared<Group>());
  }
  const std::shared_ptr<Group>& group = groups_.back();
  group->requests.push_back(&request);
  group->job_count += request.job_count;
  return group;
}

// Makes the owner of the next group's first request lead; the thread owns those that nobody waits
// for.
void GroupCommit::PassOn() {
  if (groups_.empty()) {
    led_ = false;
    if (stopping_) changed_.NotifyAll();
    return;
  }
  Group& next = *groups_.front();
  if (next.requests.front()->done != nullptr) {
    thread_leads_ = true;
    changed_.NotifyAll();
  } else {
    next.may_lead.store(1, std::memory_order_release);
    next.may_lead.notify_one();
  }
}

void GroupCommit::LeadOnce() {
  std::shared_ptr<Group> group;
  {
    MutexLock lock(mutex_);
    group = std::move(groups_.front());
    groups_.pop_front();  // Nobody can join it any more.
  }
  Execute(group->requests);
  // From here on the requests of those who wait may be gone. They are told before the next group
  // begins: whoever comes back at once is likely to be of it still, and large groups are cheap.
  group->done.store(1, std::memory_order_release);
  group->done.notify_all();
  {
    MutexLock lock(mutex_);
    ++telling_;
    PassOn();
  }
  for (const std::unique_ptr<Request>& request : group->submitted) request->done(request->status);
  MutexLock lock(mutex_);
  --telling_;
  if (stopping_) changed_.NotifyAll();
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> GroupCommit::Begin() {
  switch (purpose_) {
    case Purpose::kLeases:
      return store_.BeginUpkeep(Upkeep::kLeases);
    case Purpose::kSweep:
      return store_.BeginUpkeep(Upkeep::kSweep);
    case Purpose::kWork:
      break;
  }
  return store_.Begin();
}

// Whatever happens, everybody in the group is told: a caller that is not would wait for ever.
void GroupCommit::Execute(absl::Span<Request* const> requests) {
  bool committing = false;
  try {
    ExecuteTogether(requests, committing);
  } catch (abi::__forced_unwind&) {
    throw;  // The thread is being cancelled: not ours to stop.
  } catch (...) {
    if (committing) return EndAll(requests, thrown_in_doubt_);
    if (requests.size() == 1) return EndAll(requests, thrown_);
    ExecuteOneByOne(requests);
  }
}

void GroupCommit::ExecuteTogether(absl::Span<Request* const> requests, bool& committing) {
  for (int i = 0; i < kAttemptCountMax; ++i) {
    committing = false;
    if (!ExecuteOnce(requests, committing)) return;
    if (i + 1 < kAttemptCountMax) PauseAfterConflict(i + 1);
  }
}

// Those who were in each other's way would else meet again at once. Too short for anybody to end it
// early, so it is on the machine's time; where it ends by itself too soon, that does no harm.
void GroupCommit::PauseAfterConflict(int conflict_count) {
  const double share = RandomUnit(random_);
  const auto pause = std::chrono::duration_cast<std::chrono::nanoseconds>(
      kPauseMax * share * (1 << (conflict_count - 1)));
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, pause);
}

// Gives the first failure.
absl::Status GroupCommit::WorkTogether(absl::Span<Request* const> requests,
                                       StoreTransaction& transaction) {
  for (const bool last : {false, true}) {
    for (Request* request : requests) {
      if (request->last != last) continue;
      if (absl::Status status = request->work(transaction); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// True: a conflict was the reason that nothing was written.
bool GroupCommit::ExecuteOnce(absl::Span<Request* const> requests, bool& committing,
                              bool accompanied) {
  const auto end = [&requests](const absl::Status& status) {
    EndAll(requests, status);
    return IsConflict(status);
  };
  absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = Begin();
  if (!transaction.ok()) return end(transaction.status());
  if (absl::Status status = WorkTogether(requests, **transaction); !status.ok()) {
    transaction->reset();  // Nothing of this group stays.
    if (requests.size() == 1 || IsOfTheStore(status)) return end(status);
    ExecuteOneByOne(requests);
    return false;
  }
  Along along(*this, accompanied ? requests : absl::Span<Request* const>());
  if (absl::Status status = along.Work(**transaction); !status.ok()) {
    transaction->reset();
    along.End(status);
    return ExecuteOnce(requests, committing, /*accompanied=*/false);
  }
  committing = true;
  along.Committing();
  const absl::Status status = (*transaction)->Commit();
  along.End(status);
  return end(status);
}

// One of them has failed on its own: the others have nothing to do with it.
void GroupCommit::ExecuteOneByOne(absl::Span<Request* const> requests) {
  for (Request* const& alone : requests) Execute(absl::MakeConstSpan(&alone, 1));
}

void GroupCommit::Loop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!thread_leads_ && !(stopping_ && !led_ && groups_.empty())) changed_.Wait(mutex_);
      if (!thread_leads_) return;
      thread_leads_ = false;
    }
    LeadOnce();
  }
}

}  // namespace outlive
