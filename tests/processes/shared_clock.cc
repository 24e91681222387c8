#include "tests/processes/shared_clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {

SharedClock::SharedClock(const std::string& path, Flow flow) : flow_(flow) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof *micros_) != 0) std::abort();
  void* const mapped = mmap(nullptr, sizeof *micros_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) std::abort();
  micros_ = static_cast<std::int64_t*>(mapped);
}

SharedClock::~SharedClock() { munmap(micros_, sizeof *micros_); }

absl::Time SharedClock::Now() const {
  const absl::Time base =
      flow_ == Flow::kFlows ? SystemClockInstance().Now() : VirtualClock::Start();
  return base + Offset();
}

absl::Duration SharedClock::SinceBoot() const {
  const absl::Duration base =
      flow_ == Flow::kFlows ? SystemClockInstance().SinceBoot() : absl::Hours(1);
  return base + Offset();
}

void SharedClock::Advance(absl::Duration by) {
  std::atomic_ref<std::int64_t>(*micros_).fetch_add(absl::ToInt64Microseconds(by));
}

absl::Duration SharedClock::Offset() const {
  return absl::Microseconds(std::atomic_ref<std::int64_t>(*micros_).load());
}

}  // namespace outlive::testing
