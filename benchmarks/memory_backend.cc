// The in-memory store. Its limit is what a program without it would do: post a handler with the
// job's bytes to boost::asio::thread_pool, which loses them with the process.
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <latch>
#include <string>
#include <thread>

#include "benchmarks/backend.h"
#include "benchmarks/bench_job.h"
#include "benchmarks/support.h"
#include "outlive/store/memory_store.h"

namespace outlive::bench {
namespace {

class PoolLimit final : public Limit {
 public:
  explicit PoolLimit(int payload) : job_(MakeBenchJob(payload)) {}

  void Insert(int job_count, int, Keys) override { EndToEnd(job_count, 1, 1); }
  void InsertFromThreads(int job_count, int thread_count, Keys) override {
    EndToEnd(job_count, thread_count, 1);
  }
  void Drain(int job_count, int) override { EndToEnd(job_count, 1, 1); }

  void EndToEnd(int job_count, int thread_count, int) override {
    std::latch all(job_count);
    RunThreads(thread_count, [&](int thread) {
      for (int left = ShareOf(job_count, thread_count, thread); left > 0; --left) {
        boost::asio::post(pool_, [job = job_, &all] { all.count_down(); });
      }
    });
    all.wait();
  }

  double Latency() override {
    std::atomic<bool> entered = false;
    SteadyClock::time_point end;
    const SteadyClock::time_point start = SteadyClock::now();
    boost::asio::post(pool_, [job = job_, &entered, &end] {
      end = SteadyClock::now();
      entered = true;
      entered.notify_one();
    });
    entered.wait(false);
    return std::chrono::duration<double>(end - start).count();
  }

 private:
  const BenchJob job_;
  boost::asio::thread_pool pool_{std::thread::hardware_concurrency()};
};

class MemoryBackend final : public Backend {
 public:
  explicit MemoryBackend(const Options& options) : options_(options) {}

  std::string name() const override { return "memory"; }
  std::string version() const override { return ""; }
  std::string durability() const override { return "none"; }
  std::string folder() const override { return ""; }
  bool shared() const override { return false; }
  std::string LimitIs(std::string_view) const override {
    return "asio::thread_pool, as many handlers posted and run";
  }
  std::unique_ptr<JobStore> Open(std::string_view, const Clock& clock) override {
    return MemoryStore::Create({.clock = &clock});
  }
  std::unique_ptr<Limit> OpenLimit(std::string_view) override {
    return std::make_unique<PoolLimit>(options_.payload);
  }
  void Remove(std::string_view) override {}
  std::int64_t Bytes(std::string_view) const override { return 0; }
  void Settle() override {}

 private:
  const Options options_;
};

}  // namespace

std::unique_ptr<Backend> MakeMemoryBackend(const Options& options) {
  return std::make_unique<MemoryBackend>(options);
}

}  // namespace outlive::bench
