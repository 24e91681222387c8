#include "outlive/engine/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <utility>

#include "core/faults.h"
#include "engine/waiters.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/worker_set.h"

namespace outlive {
namespace {

// How late WaitFor() may see an end when a wake-up is lost.
constexpr absl::Duration kPollInterval = absl::Seconds(1);
constexpr absl::Duration kDelayMax = absl::Hours(24 * 366);

ClientOptions WithDefaults(ClientOptions options) {
  if (options.log == nullptr) options.log = &DefaultLogSink();
  if (options.random == nullptr) options.random = &SystemRandomInstance();
  return options;
}

absl::Status Annotate(const absl::Status& status, std::string_view where) {
  return absl::Status(status.code(), fmt::format("{}{}", where,
                                                 std::string_view(status.message().data(),
                                                                  status.message().size())));
}

// The only result of a call with one element.
template <class T>
absl::Status TakeOnly(absl::StatusOr<std::vector<absl::StatusOr<T>>> results,
                      absl::StatusOr<T>& only) {
  if (!results.ok()) return results.status();
  only = std::move(results->front());
  return absl::OkStatus();
}

}  // namespace

Client::Client(JobStore& store, ClientOptions options)
    : commits_(store, GroupCommit::Purpose::kWork, options.random),
      options_(WithDefaults(options)),
      waiters_(std::make_unique<Waiters>(store)) {}

Client::~Client() { commits_.Stop(); }

absl::Status Client::EncodingFailed(std::string_view kind, const absl::Status& why) {
  return Annotate(why, fmt::format("the arguments of \"{}\" cannot be encoded: ", kind));
}

absl::Status Client::CheckKinds(const NewJob& job) const {
  if (options_.workers == nullptr) return absl::OkStatus();
  const auto& known = options_.workers->entries();
  internal::Faults faults("job");
  const auto check = [&](const std::string& kind) {
    if (known.contains(kind)) return;
    faults.Add(fmt::format("no worker knows the kind \"{}\"",
                           EscapeForLog(std::string_view(kind).substr(0, limits::kNameBytesMax))));
  };
  check(job.kind);
  for (const FollowUp& follow_up : job.follow_ups) check(follow_up.kind);
  return faults.ToStatus();
}

absl::Status Client::CheckJobCount(std::size_t count) {
  if (count >= 1 && count <= limits::kInsertJobCountMax) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("EnqueueMany takes 1 to {} jobs, and was given {}",
                                                limits::kInsertJobCountMax, count));
}

absl::Status Client::AtElement(std::size_t index, const absl::Status& why) {
  return Annotate(why, fmt::format("jobs[{}]: ", index));
}

absl::StatusOr<NewJob> Client::PrepareRaw(std::string_view kind, std::string_view args,
                                          const EnqueueOptions& options) const {
  if (options.delay < absl::ZeroDuration() || options.delay > kDelayMax) {
    return absl::InvalidArgumentError(fmt::format(
        "job: delay must be from 0 to 366 days, and is {}", absl::FormatDuration(options.delay)));
  }
  if (options.retry) {
    if (absl::Status valid = ValidateRetryPolicy(*options.retry); !valid.ok()) return valid;
  }
  if (args.size() > limits::kPayloadBytesMax) {  // Before it is copied.
    return absl::InvalidArgumentError(
        fmt::format("job: args must have at most {} bytes, and have {}", limits::kPayloadBytesMax,
                    args.size()));
  }
  NewJob job;
  job.kind = kind;
  job.args = args;
  job.queue = options.queue;
  job.priority = options.priority;
  job.attempt_count_max = options.max_attempts;
  job.run_at = options.run_at;
  if (options.delay > absl::ZeroDuration()) {
    job.run_at = std::max(job.run_at, commits_.store().clock().Now() + options.delay);
  }
  job.idempotency_key = options.idempotency_key;
  job.idempotency_window = options.idempotency_window;
  job.partition_key = options.partition_key;
  job.traceparent = options.traceparent;
  job.tags = options.tags;
  if (options.retry) job.retry_policy = EncodeRetryPolicy(*options.retry);
  job.follow_ups = options.follow_ups;
  job.backlog_max = options.backlog_max;
  if (absl::Status valid = ValidateNewJob(job); !valid.ok()) return valid;
  if (absl::Status known = CheckKinds(job); !known.ok()) return known;
  return job;
}

void Client::Observe(const NewJob& job, const Enqueued& enqueued) {
  if (options_.observer != nullptr && !enqueued.duplicate) {
    options_.observer->OnEnqueued({job.queue, job.kind}, 1);
  }
}

absl::StatusOr<Enqueued> Client::EnqueueRaw(std::string_view kind, std::string_view args,
                                            const EnqueueOptions& options) {
  absl::StatusOr<NewJob> job = PrepareRaw(kind, args, options);
  if (!job.ok()) return job.status();
  return EnqueueJob(*std::move(job));
}

absl::StatusOr<Enqueued> Client::EnqueueJob(NewJob job) {
  absl::StatusOr<Enqueued> result = absl::UnknownError("not run");
  const absl::Span<const NewJob> adds = absl::MakeConstSpan(&job, 1);
  const absl::Status committed = commits_.Run(
      1, [&](StoreTransaction& transaction) { return TakeOnly(transaction.Insert(adds), result); },
      adds);
  if (!committed.ok()) return committed;
  if (result.ok()) Observe(job, *result);
  return result;
}

void Client::SubmitJob(absl::StatusOr<NewJob> job, boost::asio::any_io_executor executor,
                       EnqueueHandler handler) {
  auto busy = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
  SubmitPrepared(std::move(job), [busy = std::move(busy), handler = std::move(handler)](
                                     absl::StatusOr<Enqueued> result) mutable {
    boost::asio::post(busy, [handler = std::move(handler), result = std::move(result)]() mutable {
      handler(std::move(result));
    });
  });
}

void Client::SubmitPrepared(absl::StatusOr<NewJob> job, EnqueueHandler handler) {
  if (!job.ok()) return handler(job.status());
  struct Call {
    NewJob job;
    EnqueueHandler handler;
    absl::StatusOr<Enqueued> result = absl::UnknownError("not run");
  };
  auto call = std::make_shared<Call>(Call{*std::move(job), std::move(handler)});
  commits_.Submit(
      1,
      [call](StoreTransaction& transaction) {
        return TakeOnly(transaction.Insert(absl::MakeConstSpan(&call->job, 1)), call->result);
      },
      [this, call](absl::Status committed) {
        if (!committed.ok()) return call->handler(std::move(committed));
        if (call->result.ok()) Observe(call->job, *call->result);
        call->handler(std::move(call->result));
      },
      absl::MakeConstSpan(&call->job, 1));
}

absl::StatusOr<std::vector<Enqueued>> Client::EnqueueMany(std::vector<NewJob> jobs) {
  if (absl::Status counted = CheckJobCount(jobs.size()); !counted.ok()) return counted;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (absl::Status known = CheckKinds(jobs[i]); !known.ok()) return AtElement(i, known);
  }
  std::vector<Enqueued> enqueued;
  const absl::Status committed = commits_.Run(
      static_cast<int>(jobs.size()),
      [&](StoreTransaction& transaction) {
        enqueued.clear();
        enqueued.reserve(jobs.size());
        auto results = transaction.Insert(jobs);
        if (!results.ok()) return results.status();
        for (std::size_t i = 0; i < results->size(); ++i) {
          const absl::StatusOr<Enqueued>& result = (*results)[i];
          if (!result.ok()) return AtElement(i, result.status());
          enqueued.push_back(*result);
        }
        return absl::OkStatus();
      },
      jobs);
  if (!committed.ok()) return committed;
  for (std::size_t i = 0; i < jobs.size(); ++i) Observe(jobs[i], enqueued[i]);
  return enqueued;
}

absl::StatusOr<Enqueued> Client::EnqueueJobIn(HostTransaction transaction, NewJob job) {
  auto joined = commits_.store().Join(transaction);
  if (!joined.ok()) return joined.status();
  absl::StatusOr<Enqueued> result = absl::UnknownError("not run");
  const absl::Status inserted = TakeOnly((*joined)->Insert(absl::MakeConstSpan(&job, 1)), result);
  if (!inserted.ok()) return inserted;
  if (result.ok()) Observe(job, *result);
  return result;
}

absl::StatusOr<Job> Client::Get(JobId id) { return store().Get(id); }

absl::StatusOr<std::vector<Job>> Client::List(const JobFilter& filter, const JobPage& page) {
  if (page.row_count_max < 1 || page.row_count_max > limits::kPageRowCountMax || page.before < 0) {
    return absl::InvalidArgumentError(fmt::format(
        "a page has 1 to {} rows and begins before a positive id, or 0", limits::kPageRowCountMax));
  }
  return store().List(filter, page);
}

absl::StatusOr<JobStats> Client::Stats() { return store().Stats(); }

absl::StatusOr<Job> Client::WaitFor(JobId id, absl::Time deadline) {
  while (true) {
    const std::uint64_t version = waiters_->Version();
    absl::StatusOr<Job> job = Get(id);
    if (!job.ok() || IsTerminal(job->state)) return job;
    const absl::Duration left = deadline - store().clock().Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          fmt::format("job {} has not ended; it is {}", id, JobStateName(job->state)));
    }
    waiters_->WaitFor(version, std::min(left, kPollInterval));
  }
}

absl::StatusOr<JobState> Client::ApplyOne(Change change) {
  absl::StatusOr<JobState> result = absl::UnknownError("not run");
  const absl::Status committed = commits_.RunChange(1, [&](StoreTransaction& transaction) {
    return TakeOnly(transaction.Apply(absl::MakeConstSpan(&change, 1)), result);
  });
  if (!committed.ok()) return committed;
  return result;
}

absl::StatusOr<JobState> Client::Cancel(JobId id, std::string_view reason) {
  Change change;
  change.id = id;
  change.action = Change::Action::kCancel;
  change.reason = EscapeForLog(reason);
  return ApplyOne(std::move(change));
}

absl::StatusOr<JobState> Client::Retry(JobId id) {
  Change change;
  change.id = id;
  change.action = Change::Action::kRequeue;
  return ApplyOne(std::move(change));
}

absl::Status Client::SetPaused(std::string_view queue, bool paused) {
  if (absl::Status valid = ValidateName("queue", queue); !valid.ok()) return valid;
  const QueueSettings settings{std::string(queue), paused};
  return commits_.Run(
      1, [&](StoreTransaction& transaction) { return transaction.SetQueue(settings); });
}

absl::StatusOr<ReencryptResult> Client::Reencrypt(const ReencryptRequest& request) {
  ReencryptResult result;
  const absl::Status committed = commits_.Run(1, [&](StoreTransaction& transaction) {
    auto done = transaction.Reencrypt(request);
    if (done.ok()) result = *done;
    return done.status();
  });
  if (!committed.ok()) return committed;
  return result;
}

absl::Status Client::PauseQueue(std::string_view queue) { return SetPaused(queue, true); }
absl::Status Client::ResumeQueue(std::string_view queue) { return SetPaused(queue, false); }

}  // namespace outlive
