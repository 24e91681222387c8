// ClaimFloors remembers up to where the queue was claimed, for when that matters.
//
// A claim reads an index from the front. As long as some old transaction is open anywhere in the
// server, the entries of jobs that are gone stay there, and every claim goes through all of them
// again. So where claims have become slow they begin where the last one has ended, and only now and
// then, for a small part of the time, at the front.
//
// What comes to lie before a floor is found then; whoever finds nothing more from the floors on is
// told to look again at that time. It is rare: a job that becomes pending is due now or later,
// unless its runner hands it back (Clear() is called) or its transaction was open for longer than
// kMargin.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CLAIM_FLOORS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CLAIM_FLOORS_H_

#include <absl/time/time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "outlive/core/job.h"
#include "store/postgres/params.h"

namespace outlive::postgres {

class ClaimFloors {
 public:
  // Times are since boot.

  // A claim may begin at the floors now.
  bool usable(absl::Duration now) const {
    return slow_count_ >= kSlowCountMin && now < front_again_at_;
  }

  // When the front is looked at again.
  absl::Duration front_again_at() const { return front_again_at_; }

  // The last job that a claim has taken of a lane and priority, by the store's time `now`.
  void Learn(int lane, int priority, absl::Time run_at, JobId job, absl::Time now) {
    Place place(absl::ToUnixMicros(run_at), job);
    place = std::min(place, Place(absl::ToUnixMicros(now - kMargin), 0));
    Place& floor = floors_[{lane, priority}];
    floor = std::max(floor, place);
  }

  // How long a claim of some queues that began at the front has taken.
  void Measure(absl::Duration took, std::size_t queue_count, std::size_t job_count,
               absl::Duration now) {
    const bool is_slow = took > kUsual * static_cast<std::int64_t>(queue_count) +
                                    kUsualEach * static_cast<std::int64_t>(job_count);
    slow_count_ = is_slow ? slow_count_ + 1 : 0;
    front_again_at_ = now + std::min(took * kFrontEvery, kFrontPauseMax);
  }

  void Clear() {
    floors_.clear();
    slow_count_ = 0;
  }

  // Adds four arrays: lanes, priorities, and the places. Empty where `use` is false.
  void AddTo(Params& params, bool use) const {
    Array lanes(Element::kBigint);
    Array priorities(Element::kBigint);
    Array times(Element::kBigint);
    Array jobs(Element::kBigint);
    for (const auto& [key, place] : floors_) {
      if (!use) break;
      lanes.AddInt(key.first);
      priorities.AddInt(key.second);
      times.AddInt(place.first);
      jobs.AddInt(place.second);
    }
    params.Add(std::move(lanes)).Add(std::move(priorities));
    params.Add(std::move(times)).Add(std::move(jobs));
  }

 private:
  using Place = std::pair<std::int64_t, JobId>;  // run_at, job

  // What a claim of a queue takes at most where nothing is in its way: about three times as long as
  // on a server that does nothing else.
  static constexpr absl::Duration kUsual = absl::Milliseconds(3);
  static constexpr absl::Duration kUsualEach = absl::Microseconds(30);

  // One slow claim may be the machine's fault.
  static constexpr int kSlowCountMin = 8;

  // The front has a tenth of the time, and is looked at every ten seconds at least.
  static constexpr int kFrontEvery = 9;
  static constexpr absl::Duration kFrontPauseMax = absl::Seconds(10);

  // How long before its commit a job may have been given its time.
  static constexpr absl::Duration kMargin = absl::Seconds(2);

  std::map<std::pair<int, int>, Place> floors_;  // By lane and priority.
  int slow_count_ = 0;                           // In a row.
  absl::Duration front_again_at_ = absl::ZeroDuration();
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CLAIM_FLOORS_H_
