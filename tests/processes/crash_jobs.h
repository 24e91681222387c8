// What the processes of the crash tests work on, and where things lie in their folder.
#ifndef OUTLIVE_TESTS_PROCESSES_CRASH_JOBS_H_
#define OUTLIVE_TESTS_PROCESSES_CRASH_JOBS_H_

#include <absl/time/time.h>

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "outlive/core/retry_policy.h"

namespace outlive::testing {

// What a job is to do, letter by letter: c save a checkpoint, p report progress, a make an
// artifact, t throw in its first attempt, r fail in its first attempt, s snooze once, x cancel
// itself, d be dead. Whatever else there is: it uses the sink and completes.
struct Work {
  static constexpr std::string_view kKind = "work";
  std::string name = {};  // Another one for each request.
  std::string plan = {};
};
BOOST_DESCRIBE_STRUCT(Work, (), (name, plan))

// Enqueued together with a row of the host.
struct Order {
  static constexpr std::string_view kKind = "order";
  std::string name = {};
};
BOOST_DESCRIBE_STRUCT(Order, (), (name))

// Completes together with a row of the host.
struct Booking {
  static constexpr std::string_view kKind = "booking";
  std::string name = {};
};
BOOST_DESCRIBE_STRUCT(Booking, (), (name))

// Ends its process.
struct Poison {
  static constexpr std::string_view kKind = "poison";
  std::string name = {};
};
BOOST_DESCRIBE_STRUCT(Poison, (), (name))

// Follows every Work that was completed or is dead.
inline constexpr std::string_view kNoticeKind = "notice";

inline constexpr absl::Duration kCrashLease = absl::Seconds(60);
inline constexpr int kCrashCountMax = 5;

inline const RetryPolicy& CrashRetryPolicy() {
  static const RetryPolicy policy = {
      .initial = absl::Seconds(1), .factor = 2, .delay_max = absl::Seconds(10)};
  return policy;
}

// The paths of a run.
struct CrashPaths {
  explicit CrashPaths(std::string folder) : root(std::move(folder)) {}

  std::string store() const { return root + "/jobs.db"; }
  std::string sink() const { return root + "/sink.db"; }
  std::string clock() const { return root + "/clock"; }
  std::string history() const { return root + "/history.jsonl"; }
  std::string artifacts() const { return root + "/artifacts"; }

  std::string root;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CRASH_JOBS_H_
