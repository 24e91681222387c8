// SeededRandom is a RandomSource that gives the same bytes for the same seed, on every machine and
// in every version: a failed simulation is run again from its seed. Never for secrets.
//
// Thread-safety: may be used from many threads at once; what each of them gets then depends on
//                their order.
#ifndef OUTLIVE_TESTING_SEEDED_RANDOM_H_
#define OUTLIVE_TESTING_SEEDED_RANDOM_H_

#include <cstddef>
#include <cstdint>

#include "outlive/core/mutex.h"
#include "outlive/core/random.h"

namespace outlive::testing {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  // Numbers as Next() gives them, lowest byte first. Each call starts with a fresh number.
  void Fill(void* bytes, std::size_t size) override;

  // The next of the numbers: SplitMix64.
  std::uint64_t Next();

  // Uniform in [0, bound). `bound` is 1 or more.
  std::uint64_t Below(std::uint64_t bound);

  // True once in `times` calls, on average. `times` is 1 or more.
  bool OneIn(std::uint64_t times) { return Below(times) == 0; }

 private:
  Mutex mutex_;
  std::uint64_t state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_SEEDED_RANDOM_H_
