// The series of each queue and kind, as many as are allowed.
#ifndef OUTLIVE_SRC_OBSERVE_LANES_H_
#define OUTLIVE_SRC_OBSERVE_LANES_H_

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/core/observer.h"

namespace outlive::internal {

// What stands for all that have no series of their own.
inline constexpr std::string_view kOther = "other";

struct Lane {
  explicit Lane(const std::vector<double>& buckets) : wait(buckets), run(buckets) {}

  prometheus::Counter enqueued;
  prometheus::Counter completed;
  prometheus::Counter cancelled;
  prometheus::Counter dead;
  prometheus::Counter failed;
  prometheus::Counter retried;
  prometheus::Counter crashed;
  prometheus::Counter snoozed;
  prometheus::Counter released;
  prometheus::Counter rescued;
  prometheus::Counter lost;
  prometheus::Histogram wait;
  prometheus::Histogram run;
};

// Thread-safety: may be used from many threads at once. Lanes are never moved or removed.
class Lanes {
 public:
  // A queue and a kind.
  using Name = std::pair<std::string, std::string>;

  Lanes(int lane_count_max, std::vector<double> buckets)
      : lane_count_max_(lane_count_max), buckets_(std::move(buckets)) {}

  // The lane of this queue and kind: its own, or the one for all others.
  Lane& Find(JobLabel job);

  // The name that Find() files them under.
  Name NameOf(JobLabel job);

  // All, by name.
  std::vector<std::pair<Name, const Lane*>> All() const;

 private:
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const int queues = std::string_view(a.first).compare(b.first);
      return queues != 0 ? queues < 0 : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Map = std::map<Name, Lane, Less>;

  Map::value_type& Entry(JobLabel job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int lane_count_max_;
  const std::vector<double> buckets_;

  mutable Mutex mutex_;
  Map lanes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_OBSERVE_LANES_H_
