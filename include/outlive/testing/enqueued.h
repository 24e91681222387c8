// What was enqueued: for tests of code that hands jobs in.
//
//   CHECK(SignUp(client, "ann@example.com").ok());                        // The code under test.
//   CHECK(outlive::testing::ExpectEnqueued(client, SendWelcome{"ann@example.com"}).ok());
//   CHECK(outlive::testing::ExpectEnqueued<SendInvoice>(client, 0).ok());   // None of these.
//
// Jobs count whatever has become of them since, until they are pruned or discarded.
//
// Thread-safety: as Client.
// Errors:        ExpectEnqueued(): kFailedPrecondition says what was found instead. Else those of
//                the store and of DecodeArgs().
#ifndef OUTLIVE_TESTING_ENQUEUED_H_
#define OUTLIVE_TESTING_ENQUEUED_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/args.h"
#include "outlive/core/job.h"
#include "outlive/engine/client.h"

namespace outlive::testing {

// All jobs of a kind, in full, oldest first: for their queue, priority, run_at, tags and so on.
absl::StatusOr<std::vector<Job>> EnqueuedJobs(Client& client, std::string_view kind);

// The arguments of all jobs of a kind, oldest first.
template <JobArgs Args>
absl::StatusOr<std::vector<Args>> EnqueuedJobs(Client& client) {
  absl::StatusOr<std::vector<Job>> jobs = EnqueuedJobs(client, KindOf<Args>());
  if (!jobs.ok()) return jobs.status();
  std::vector<Args> all;
  for (const Job& job : *jobs) {
    absl::StatusOr<Args> args = DecodeArgs<Args>(job.args);
    if (!args.ok()) return args.status();
    all.push_back(*std::move(args));
  }
  return all;
}

// OK where `job_count` jobs of the kind were enqueued, with any arguments.
absl::Status ExpectEnqueued(Client& client, std::string_view kind, int job_count);

// The same, where their arguments are these bytes.
absl::Status ExpectEnqueued(Client& client, std::string_view kind, std::string_view args,
                            int job_count);

template <JobArgs Args>
absl::Status ExpectEnqueued(Client& client, int job_count) {
  return ExpectEnqueued(client, KindOf<Args>(), job_count);
}

// OK where `job_count` jobs with arguments that are written as these are were enqueued, so that
// `Args` needs no comparison.
template <JobArgs Args>
absl::Status ExpectEnqueued(Client& client, const Args& args, int job_count = 1) {
  absl::StatusOr<std::string> bytes = EncodeArgs(args);
  if (!bytes.ok()) return bytes.status();
  return ExpectEnqueued(client, KindOf<Args>(), *bytes, job_count);
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_ENQUEUED_H_
