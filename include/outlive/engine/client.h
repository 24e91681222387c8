// Client is the side that hands jobs in and looks after them. It needs no worker: the process that
// enqueues and the one that runs can be different.
//
//   Enqueue ──► (GroupCommit: many callers, one commit) ──► JobStore
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the store outlives the client, the client outlives its runners and every pending
//                AsyncEnqueue(). The destructor waits for commits under way.
// Time:          the store's clock.
// Cancellation:  AsyncEnqueue() cannot be cancelled: what was handed to the store may be durable.
// Errors:        kInvalidArgument: says what was wrong and what is allowed; nothing was written.
//                kAlreadyExists: the idempotency key is in use with other arguments.
//                kResourceExhausted: the queue's backlog is full.
//                kUnavailable: nothing was written; again later may help.
//                kUnknown: in doubt. Repeat it with an idempotency key, or look.
//                kDeadlineExceeded: the store did not answer a question in time.
//                kFailedPrecondition: not possible in the job's state.    kNotFound.
//                docs/errors.md
#ifndef OUTLIVE_ENGINE_CLIENT_H_
#define OUTLIVE_ENGINE_CLIENT_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/args.h"
#include "outlive/core/byte_stream.h"
#include "outlive/core/group_commit.h"
#include "outlive/core/host_transaction.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "outlive/core/log.h"
#include "outlive/core/observer.h"
#include "outlive/core/random.h"
#include "outlive/core/retry_policy.h"

namespace outlive {

class WorkerSet;

// The job that an enqueue made, or found.
using Enqueued = Inserted;

// How one job is enqueued. Each field is checked before anything is written.
struct EnqueueOptions {
  // Where it waits. `[A-Za-z0-9._:/-]{1,128}`.
  std::string queue = "default";

  // The same key with the same arguments gives the first job again (Enqueued::duplicate), with
  // other arguments it is kAlreadyExists. Scoped by kind. Empty: no key.
  std::string idempotency_key = {};

  // How long the key is remembered, from its first use. More than 0, at most 366 days.
  absl::Duration idempotency_window = absl::Hours(24);

  // Attempts until it is dead, 1 to limits::kAttemptCountMax. Lost processes have a budget of their
  // own, and snoozing and shutdowns cost nothing.
  int max_attempts = limits::kAttemptCountDefault;

  // 0 is first, 9 is last.
  int priority = limits::kPriorityDefault;

  // Not before now plus this, at most 366 days; and not before `run_at`, at most the year 9999.
  absl::Duration delay = absl::ZeroDuration();
  absl::Time run_at = absl::InfinitePast();

  // How long it waits between attempts. None: as its worker's options say.
  std::optional<RetryPolicy> retry = {};

  // Jobs that its end brings about, such as notify::NotifyOnEnd(). At most 8.
  std::vector<FollowUp> follow_ups = {};

  // At most 16, each like a queue name. For List().
  std::vector<std::string> tags = {};

  // W3C traceparent, carried to the worker and on to notifications. Empty: none.
  std::string traceparent = {};

  // Refused with kResourceExhausted where the queue has this many pending jobs. 0: no limit.
  int backlog_max = 0;

  // At most 512 bytes. Kept for partitions; has no effect yet.
  std::string partition_key = {};
};

struct ClientOptions {
  LogSink* log = nullptr;          // Null: DefaultLogSink().
  Observer* observer = nullptr;    // Null: none.
  RandomSource* random = nullptr;  // Null: the system's.

  // Only kinds that have a worker here may be enqueued, follow-ups included: a kind that nobody
  // knows is kInvalidArgument where it is handed in, instead of a job that waits for ever. Null:
  // any kind may, because other processes may have workers of which this one knows nothing.
  // Outlives the client, and does not change once the client is in use.
  const WorkerSet* workers = nullptr;
};

// How dead letters are sent back to work.
struct RequeueOptions {
  // Jobs a second, spread evenly from now on, so that they do not come back all at once. 0 or
  // more, and finite; the last of them must be due within 366 days. 0: all at once.
  double per_second = 0;

  // At most this many, oldest first. 0: all that match.
  int job_count_max = 0;
};

class Client {
 public:
  explicit Client(JobStore& store, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // -- Enqueue -------------------------------------------------------------------------------

  // Makes a job durable and returns its id.
  template <JobArgs Args>
  absl::StatusOr<Enqueued> Enqueue(const Args& args, const EnqueueOptions& options = {}) {
    absl::StatusOr<NewJob> job = Prepare(args, options);
    if (!job.ok()) return job.status();
    return EnqueueJob(*std::move(job));
  }

  // The same for arguments that are bytes already.
  absl::StatusOr<Enqueued> EnqueueRaw(std::string_view kind, std::string_view args,
                                      const EnqueueOptions& options = {});

  // All of them in one transaction, or none: the first error is returned and names the element,
  // "jobs[7]: …". 1 to limits::kInsertJobCountMax. Prepare() makes a job; jobs of different kinds
  // may be mixed.
  absl::StatusOr<std::vector<Enqueued>> EnqueueMany(std::vector<NewJob> jobs);

  template <JobArgs Args>
  absl::StatusOr<std::vector<Enqueued>> EnqueueMany(absl::Span<const Args> args,
                                                    const EnqueueOptions& options = {}) {
    if (absl::Status counted = CheckJobCount(args.size()); !counted.ok()) return counted;
    std::vector<NewJob> jobs;
    jobs.reserve(args.size());
    for (const Args& one : args) {
      absl::StatusOr<NewJob> job = Prepare(one, options);
      if (!job.ok()) return AtElement(jobs.size(), job.status());
      jobs.push_back(*std::move(job));
    }
    return EnqueueMany(std::move(jobs));
  }

  template <JobArgs Args>
  absl::StatusOr<std::vector<Enqueued>> EnqueueMany(const std::vector<Args>& args,
                                                    const EnqueueOptions& options = {}) {
    return EnqueueMany(absl::MakeConstSpan(args), options);
  }

  // Writes the job with the host's own connection, inside the host's own open transaction: business
  // row and job commit together or not at all. Never begins, commits or rolls back. Workers start
  // it after the host's commit; where no watch tells of that, within the poll interval at the
  // latest. Observers are told at once, because the library does not learn how the host decides.
  //
  // Errors, besides the above: kUnimplemented, kFailedPrecondition: see JobStore::Join(). What the
  // call has written is undone then; the host's own work is not touched.
  template <JobArgs Args>
  absl::StatusOr<Enqueued> EnqueueIn(HostTransaction transaction, const Args& args,
                                     const EnqueueOptions& options = {}) {
    absl::StatusOr<NewJob> job = Prepare(args, options);
    if (!job.ok()) return job.status();
    return EnqueueJobIn(transaction, *std::move(job));
  }

  // Enqueue() without blocking: completes with absl::StatusOr<Enqueued> on the handler's associated
  // executor, once, and never before this has returned.
  //
  //   absl::StatusOr<outlive::Enqueued> job = co_await client.AsyncEnqueue(args,
  //   asio::use_awaitable);
  //
  // (Name `args` and `options` in a local first: g++ 12 destroys temporaries of a co_await twice.)
  template <JobArgs Args, class CompletionToken>
  auto AsyncEnqueue(const Args& args, const EnqueueOptions& options, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(absl::StatusOr<Enqueued>)>(
        [this](auto handler, absl::StatusOr<NewJob> job) {
          // Made before the handler is moved from.
          boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
          SubmitJob(std::move(job), std::move(executor), std::move(handler));
        },
        token, Prepare(args, options));
  }

  template <JobArgs Args, class CompletionToken>
    requires(!std::is_convertible_v<CompletionToken, EnqueueOptions>)
  auto AsyncEnqueue(const Args& args, CompletionToken&& token) {
    return AsyncEnqueue(args, EnqueueOptions{}, std::forward<CompletionToken>(token));
  }

  // The job that Enqueue() would insert, checked.
  template <JobArgs Args>
  absl::StatusOr<NewJob> Prepare(const Args& args, const EnqueueOptions& options = {}) const {
    absl::StatusOr<std::string> bytes = EncodeArgs(args);
    if (!bytes.ok()) return EncodingFailed(KindOf<Args>(), bytes.status());
    return PrepareRaw(KindOf<Args>(), *bytes, options);
  }
  absl::StatusOr<NewJob> PrepareRaw(std::string_view kind, std::string_view args,
                                    const EnqueueOptions& options) const;

  // -- Look ----------------------------------------------------------------------------------

  absl::StatusOr<Job> Get(JobId id);

  // Newest first; without args, checkpoint, output, errors and artifacts. The next page begins
  // before the last id of this one.
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter = {}, const JobPage& page = {});

  absl::StatusOr<JobStats> Stats();

  // Waits until the job has ended and returns it. Blocks its thread.
  //
  // Errors: kDeadlineExceeded: it has not ended by `deadline`, by the store's clock.
  absl::StatusOr<Job> WaitFor(JobId id, absl::Time deadline);

  // -- Steer ---------------------------------------------------------------------------------

  // Ends a pending job now (kCancelled is returned), or asks a running one to stop (kRunning): its
  // worker decides. Repeating is OK.
  absl::StatusOr<JobState> Cancel(JobId id, std::string_view reason = {});

  // Sends an ended job back to work, as a new generation with its budgets anew.
  absl::StatusOr<JobState> Retry(JobId id);

  // Jobs of a paused queue are not started, by any process. Those running go on.
  absl::Status PauseQueue(std::string_view queue);
  absl::Status ResumeQueue(std::string_view queue);

  // -- Dead letters --------------------------------------------------------------------------
  // Get() shows one with its whole history, Retry() sends one back. `filter.state` is ignored here.

  absl::StatusOr<std::vector<Job>> ListDeadLetters(JobFilter filter = {}, const JobPage& page = {});

  // Those that died of the same thing together; largest first.
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max = 100);

  // Sends back all that match and were dead at the start; returns how many. In transactions of a
  // bounded size: after an error of the store those before it are back at work.
  absl::StatusOr<int> RequeueDeadLetters(JobFilter filter, const RequeueOptions& options = {});

  // Deletes one, with its history.
  absl::Status DiscardDeadLetter(JobId id);

  // Deletes all that match; returns how many.
  absl::StatusOr<int> DiscardDeadLetters(JobFilter filter);

  // Writes all that match as JSON lines (JobToJson), newest first; returns how many. What leaves
  // the dead letters meanwhile is left out, and so is what is kept sealed, unless `options` asks
  // for it.
  absl::StatusOr<int> ExportDeadLetters(JobFilter filter, ByteSink& out,
                                        const JobJsonOptions& options = {});

  // -- Keys ----------------------------------------------------------------------------------

  // Seals what jobs carry with the newest key of the store's cipher, where it is sealed with an
  // older one, or not at all and the cipher accepts that. Each call is one transaction, of a
  // bounded size. To go through all jobs, repeat it with `after` set to `last` of the call before
  // as long as there are `more`; it may be begun anew at any time.
  //
  // Errors: kFailedPrecondition: the store has no cipher. kUnimplemented: it cannot have one.
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request);

  // ------------------------------------------------------------------------------------------

  JobStore& store() { return commits_.store(); }
  GroupCommit& commits() { return commits_; }
  const ClientOptions& options() const { return options_; }

 private:
  using EnqueueHandler = absl::AnyInvocable<void(absl::StatusOr<Enqueued>)>;

  static absl::Status EncodingFailed(std::string_view kind, const absl::Status& why);
  static absl::Status CheckJobCount(std::size_t count);
  absl::Status CheckKinds(const NewJob& job) const;
  static absl::Status AtElement(std::size_t index, const absl::Status& why);
  absl::StatusOr<Enqueued> EnqueueJob(NewJob job);
  absl::StatusOr<Enqueued> EnqueueJobIn(HostTransaction transaction, NewJob job);
  // Posts `handler` with the result on `executor`, which is kept busy until then.
  void SubmitJob(absl::StatusOr<NewJob> job, boost::asio::any_io_executor executor,
                 EnqueueHandler handler);
  void SubmitPrepared(absl::StatusOr<NewJob> job, EnqueueHandler handler);
  absl::StatusOr<JobState> ApplyOne(Change change);
  absl::Status SetPaused(std::string_view queue, bool paused);
  absl::StatusOr<int> ApplyToDeadLetters(JobFilter filter, Change::Action action,
                                         const RequeueOptions& options);
  void Observe(const NewJob& job, const Enqueued& enqueued);

  class Waiters;

  GroupCommit commits_;
  const ClientOptions options_;
  std::unique_ptr<Waiters> waiters_;
};

}  // namespace outlive

#endif  // OUTLIVE_ENGINE_CLIENT_H_
