// SharedClock is a clock that several processes have in common and that one of them moves: time
// stands in a file that all of them map. Sessions expire when a test says so, not when somebody has
// waited long enough.
#ifndef OUTLIVE_TESTS_PROCESSES_SHARED_CLOCK_H_
#define OUTLIVE_TESTS_PROCESSES_SHARED_CLOCK_H_

#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "outlive/core/clock.h"

namespace outlive::testing {

class SharedClock final : public Clock {
 public:
  enum class Flow {
    kStands,  // Moves by Advance() only.
    kFlows,   // Is the machine's, plus what Advance() has added.
  };

  // Makes the file where there is none. Ends the process where that does not work.
  explicit SharedClock(const std::string& path, Flow flow = Flow::kStands);
  ~SharedClock() override;
  SharedClock(const SharedClock&) = delete;
  SharedClock& operator=(const SharedClock&) = delete;

  absl::Time Now() const override;
  absl::Duration SinceBoot() const override;

  // For all processes, at once.
  void Advance(absl::Duration by);

 private:
  absl::Duration Offset() const;

  const Flow flow_;
  std::int64_t* micros_ = nullptr;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_SHARED_CLOCK_H_
