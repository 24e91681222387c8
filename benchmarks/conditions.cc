#include "benchmarks/conditions.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "benchmarks/figure.h"
#include "benchmarks/support.h"
#include "outlive/core/version.h"

namespace outlive::bench {
namespace {

constexpr int kFsyncCount = 100;
constexpr std::size_t kPageBytes = 4'096;

std::string Compiler() {
#ifdef __clang__
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("g++ {}", __VERSION__);
#endif
}

std::string Kernel() {
  utsname names;
  return uname(&names) == 0 ? fmt::format("{} {}", names.sysname, names.release) : "unknown";
}

std::string Processor() {
  std::ifstream file("/proc/cpuinfo");
  std::string model = "unknown";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    if (const std::size_t colon = line.find(": "); colon != std::string::npos) {
      model = line.substr(colon + 2);
    }
    break;
  }
  return fmt::format("{} of {}", std::thread::hardware_concurrency(), model);
}

std::string FileSystem(const std::string& folder) {
  struct statfs about;
  if (statfs(folder.c_str(), &about) != 0) return "unknown";
  constexpr std::array<std::pair<long, const char*>, 6> kNames = {{
      {EXT4_SUPER_MAGIC, "ext4"},  // ext2 and ext3 say the same.
      {XFS_SUPER_MAGIC, "xfs"},
      {BTRFS_SUPER_MAGIC, "btrfs"},
      {F2FS_SUPER_MAGIC, "f2fs"},
      {TMPFS_MAGIC, "tmpfs"},
      {OVERLAYFS_SUPER_MAGIC, "overlay"},
  }};
  for (const auto& [magic, name] : kNames) {
    if (about.f_type == magic) return name;
  }
  return fmt::format("type 0x{:x}", static_cast<unsigned long>(about.f_type));
}

// Writes a page and waits for the disk, many times, as single commits do.
std::string FsyncCost(const std::string& folder) {
  std::string path = folder + "/outlive_bench_XXXXXX";
  const int file = mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) {
    throw BenchError(
        fmt::format("cannot write to {}: {}", folder, std::generic_category().message(errno)));
  }
  unlink(path.c_str());
  const std::string page(kPageBytes, 'x');
  std::vector<double> seconds;
  for (int i = 0; i < kFsyncCount; ++i) {
    if (write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size())) break;
    const SteadyClock::time_point start = SteadyClock::now();
    if (fsync(file) != 0) break;
    seconds.push_back(SecondsSince(start));
  }
  close(file);
  if (seconds.size() != kFsyncCount) throw BenchError("fsync does not work in " + folder);
  return fmt::format("{:.3f} ms (median), {:.3f} ms (p99)", 1e3 * QuantileOf(seconds, 0.5),
                     1e3 * QuantileOf(seconds, 0.99));
}

}  // namespace

Conditions ObserveConditions(const Options& options, const Backend& backend) {
  Conditions all;
  all.emplace_back("date",
                   absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()));
  all.emplace_back("outlive", LibraryVersion());
  all.emplace_back("store",
                   backend.version().empty() ? std::string(backend.name()) : backend.version());
  all.emplace_back("durability", backend.durability());
  all.emplace_back("compiler", fmt::format("{}, {}", Compiler(), OUTLIVE_BENCH_FLAGS));
  all.emplace_back("kernel", Kernel());
  all.emplace_back("processors", Processor());
  if (!backend.folder().empty()) {
    all.emplace_back("file system", FileSystem(backend.folder()));
    all.emplace_back("fsync", FsyncCost(backend.folder()));
  }
  all.emplace_back("payload", fmt::format("{} bytes", options.payload));
  all.emplace_back("load",
                   fmt::format("{} jobs, {} in the backlog, {} producers, {} at once", options.jobs,
                               options.backlog, options.producers, options.concurrency));
  return all;
}

}  // namespace outlive::bench
