// The job that is measured: arguments of a given size, and a handler that does nothing.
#ifndef OUTLIVE_BENCHMARKS_BENCH_JOB_H_
#define OUTLIVE_BENCHMARKS_BENCH_JOB_H_

#include <array>
#include <boost/describe/class.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace outlive::bench {

struct BenchJob {
  static constexpr std::string_view kKind = "bench.job";
  std::string text;
};
BOOST_DESCRIBE_STRUCT(BenchJob, (), (text))

// Arguments that are stored as `payload` bytes: {"text":"…"}.
inline BenchJob MakeBenchJob(int payload) {
  constexpr std::string_view kAround = R"({"text":""})";
  return {std::string(static_cast<std::size_t>(payload) - kAround.size(), 'x')};
}

// Idempotency keys that never repeat, and fall anywhere in an index.
class RandomKeys {
 public:
  std::array<std::uint64_t, 2> Next() { return {random_(), random_()}; }

 private:
  std::mt19937_64 random_{(std::uint64_t{std::random_device()()} << 32) ^ std::random_device()()};
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BENCH_JOB_H_
