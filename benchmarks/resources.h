// What this process uses.
#ifndef OUTLIVE_BENCHMARKS_RESOURCES_H_
#define OUTLIVE_BENCHMARKS_RESOURCES_H_

#include <cstdint>

namespace outlive::bench {

// Resident memory: now, and the most there was since the last ForgetPeak(). (Not getrusage()'s,
// which a child begins with that of its parent.)
std::int64_t ResidentBytes();
std::int64_t PeakResidentBytes();

// Gives back what is free, so that what comes next shows, and begins a new peak.
void ForgetPeak();

// CPU time of all threads.
double CpuSeconds();

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_RESOURCES_H_
