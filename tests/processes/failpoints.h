// Failpoints are named places at which a process of a test ends itself, as if by the kill -9 of
// somebody else: nothing is unwound, flushed or closed. The library has none: a decorator around
// the store (FailpointStore), a layer below SQLite (InstallKiller) and the test's own workers reach
// every place that matters.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_TESTS_PROCESSES_FAILPOINTS_H_
#define OUTLIVE_TESTS_PROCESSES_FAILPOINTS_H_

#include <array>
#include <atomic>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

namespace outlive::testing {

// All of them, in the order of a job's life. "before" and "after" are meant as of the call;
// "commit.after" is durable and not acknowledged yet.
inline constexpr std::array<std::string_view, 36> kFailpoints = {
    "begin.before",          "begin.after",
    "insert.before",         "insert.after",
    "open_session.before",   "open_session.after",
    "renew_session.before",  "renew_session.after",
    "close_session.before",  "close_session.after",
    "claim.before",          "claim.after",
    "finish.before",         "finish.after",
    "write.before",          "write.after",
    "apply.before",          "apply.after",
    "rescue.before",         "rescue.after",
    "prune.before",          "prune.after",
    "commit.before",         "commit.after",
    "join.before",           "join.after",
    "enqueue_in.row",        "enqueue_in.job",
    "enqueue_in.committed",  "worker.start",
    "worker.before_effect",  "worker.after_effect",
    "complete_in.row",       "complete_in.completed",
    "complete_in.committed", "worker.return",
};

class Failpoints {
 public:
  enum class Action {
    kKill,  // SIGKILL.
    kStop,  // SIGSTOP: goes on with SIGCONT. While no transaction of the store is open: one that
            // holds the lock would stop everybody.
  };

  // What happens when `name` is reached for the `hit`-th time: 1, 2, …
  struct Plan {
    std::string name = {};
    int hit = 1;
    Action action = Action::kKill;
  };

  explicit Failpoints(std::optional<Plan> plan) : plan_(std::move(plan)) {}

  void Reach(std::string_view name);

  // Held by each transaction, from before it begins.
  [[nodiscard]] std::shared_lock<std::shared_mutex> EnterTransaction() {
    return std::shared_lock(transactions_);
  }

 private:
  const std::optional<Plan> plan_;
  std::shared_mutex transactions_;
  std::atomic<int> hits_{0};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_FAILPOINTS_H_
