// A mixed load for as long as you like: four processes on one file, of which two are killed
// again and again, poison among the jobs, retention at work. Prints a line each minute, and in the
// end the verdict. Usage: outlive_soak [--minutes=N] [--rate=N] [--seed=N]; see tools/soak.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "outlive/core/clock.h"
#include "tests/processes/chaos.h"
#include "tests/processes/crash_site.h"

namespace outlive::testing {
namespace {

constexpr std::size_t kSpared = 2;
constexpr int kKeepSeconds = 300;

struct SoakOptions {
  int minutes = 30;
  int rate = 40;  // Things asked for each second.
  std::uint64_t seed = 1;
};

// What a process that lives all the time has come to.
struct Footprint {
  std::int64_t rss_kib = 0;
  std::int64_t files = 0;
  std::int64_t threads = 0;
};

std::int64_t NumberBehind(const std::string& text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? 0 : std::atoll(text.c_str() + at + name.size());
}

Footprint FootprintOf(pid_t id) {
  const std::string process = fmt::format("/proc/{}", id);
  std::ifstream file(process + "/status");
  const std::string status((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  const std::filesystem::directory_iterator files(process + "/fd");
  return {NumberBehind(status, "VmRSS:"), std::distance(begin(files), end(files)),
          NumberBehind(status, "Threads:")};
}

std::int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

class Soak {
 public:
  explicit Soak(const SoakOptions& options)
      : options_(options),
        site_(SharedClock::Flow::kFlows, std::filesystem::temp_directory_path()),
        chaos_(site_, {.seed = options.seed,
                       .spared = kSpared,
                       .worker = {fmt::format("--keep={}", kKeepSeconds), "--pages=1000"}}),
        random_(options.seed) {}

  int Run() {
    std::printf(
        "minute  asked  kills  poisoned | rss KiB, files, threads of the two that live |"
        " WAL KiB  file KiB\n");
    const absl::Time start = SystemClockInstance().Now();
    for (int minute = 1; minute <= options_.minutes; ++minute) {
      // Poison takes along those that are spared, too: first they get the time to grow.
      WorkUntil(start + absl::Minutes(minute), 3 * minute > 2 * options_.minutes);
      Report(minute);
    }
    chaos_.Finish();
    CheckOptions options = CrashSite::Options();
    options.prune.emplace();
    options.prune->keep_completed = options.prune->keep_cancelled = options.prune->keep_dead =
        absl::Seconds(kKeepSeconds);
    options.exercised = {"rescued", "retried"};
    if (options_.minutes > 2 * kKeepSeconds / 60) options.exercised.emplace_back("gone");
    const CheckReport report = site_.Examine(options);
    std::printf("%s%d kills, %d poisoned, %s\n", report.ToString().c_str(), chaos_.kills(),
                chaos_.suicides(), IsFlat() ? "flat" : "NOT FLAT");
    return report.ok() && IsFlat() ? 0 : 1;
  }

 private:
  void WorkUntil(absl::Time end, bool poisoned) {
    absl::Time next = SystemClockInstance().Now();
    while (next < end) {
      // About one kill in five seconds, beside those that come by themselves.
      if (random_.OneIn(static_cast<std::uint64_t>(2 * options_.rate))) chaos_.Kill();
      if (poisoned && random_.OneIn(static_cast<std::uint64_t>(10 * options_.rate))) {
        chaos_.Poison();
      }
      const int asked = chaos_.Load();
      asked_ += asked;
      next += absl::Seconds(1) * asked / options_.rate;
      // What is asked for comes at this rate, whatever else there is: the pace of a soak is time.
      const absl::Duration pause = next - SystemClockInstance().Now();
      if (pause > absl::ZeroDuration()) {
        poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(pause)));
      } else if (pause < -absl::Seconds(5)) {
        next = SystemClockInstance().Now();  // The machine cannot keep up; so be it.
      }
    }
  }

  void Report(int minute) {
    site_.TailLog();
    std::string line =
        fmt::format("{:>6} {:>6} {:>6} {:>9} |", minute, asked_, chaos_.kills(), chaos_.suicides());
    for (std::size_t place = 0; place < kSpared; ++place) {
      const pid_t id = chaos_.crew().at(place).id();
      const Footprint footprint = FootprintOf(id);
      lives_[id].push_back(footprint);
      line +=
          fmt::format(" {:>8} {:>3} {:>3}", footprint.rss_kib, footprint.files, footprint.threads);
    }
    wal_max_ = std::max(wal_max_, SizeOf(site_.paths().store() + "-wal"));
    line += fmt::format(" | {:>8} {:>8}", SizeOf(site_.paths().store() + "-wal") / 1024,
                        SizeOf(site_.paths().store()) / 1024);
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  // From the third minute of its life on a process grows by a tenth and 2 MiB at the most, by no
  // thread and by few descriptors; the WAL stays within four times what makes a checkpoint due.
  bool IsFlat() const {
    constexpr std::size_t kWarmUp = 3;
    for (const auto& [id, life] : lives_) {
      if (life.size() <= 2 * kWarmUp) continue;
      const Footprint& early = life[kWarmUp];
      const Footprint& late = life.back();
      if (late.rss_kib > early.rss_kib + early.rss_kib / 10 + 2'048) return false;
      if (late.files > early.files + 4 || late.threads > early.threads) return false;
    }
    return wal_max_ < 4 * 1'000 * 4'096;
  }

  const SoakOptions options_;
  CrashSite site_;
  Chaos chaos_;
  SeededRandom random_;
  std::int64_t asked_ = 0;
  std::int64_t wal_max_ = 0;
  std::map<pid_t, std::vector<Footprint>> lives_;  // Of those that are spared, minute by minute.
};

bool TakeNumber(std::string_view argument, std::string_view name, auto& value) {
  if (argument.substr(0, name.size()) != name) return false;
  const long long number = std::atoll(std::string(argument.substr(name.size())).c_str());
  if (number < 1) return false;
  value = static_cast<std::remove_reference_t<decltype(value)>>(number);
  return true;
}

}  // namespace
}  // namespace outlive::testing

int main(int count, char** arguments) {
  outlive::testing::SoakOptions options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (outlive::testing::TakeNumber(argument, "--minutes=", options.minutes) ||
        outlive::testing::TakeNumber(argument, "--rate=", options.rate) ||
        outlive::testing::TakeNumber(argument, "--seed=", options.seed)) {
      continue;
    }
    std::fprintf(stderr, "outlive_soak: unknown argument %s\n", arguments[i]);
    return 2;
  }
  // What the parts of the tests check on their way.
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler([](const doctest::AssertData& data) {
    if (!data.m_failed) return;
    std::fprintf(stderr, "%s:%d: %s\n%s\n", data.m_file, data.m_line, data.m_expr,
                 data.m_decomp.c_str());
    std::exit(1);
  });
  return outlive::testing::Soak(options).Run();
}
