#include "benchmarks/resources.h"

#include <malloc.h>

#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

// A line such as "VmHWM:     12345 kB" of /proc/self/status.
std::int64_t StatusBytes(std::string_view name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    std::int64_t kilobytes = 0;
    words >> kilobytes;
    return kilobytes * 1'024;
  }
  throw BenchError("/proc/self/status does not say how much memory is in use");
}

}  // namespace

std::int64_t ResidentBytes() { return StatusBytes("VmRSS:"); }
std::int64_t PeakResidentBytes() { return StatusBytes("VmHWM:"); }

void ForgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

double CpuSeconds() {
  timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec);
}

}  // namespace outlive::bench
