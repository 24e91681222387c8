// Limit is the least that the same work can cost: what the store is built on, used by hand and as
// well as one can, with nothing of outlive around it. Every measure runs it beside ours, in the
// same minute and on the same disk.
//
// Thread-safety: none; one caller at a time.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_LIMIT_H_
#define OUTLIVE_BENCHMARKS_LIMIT_H_

namespace outlive::bench {

enum class Keys { kNone, kRandom };

class Limit {
 public:
  virtual ~Limit() = default;

  // Adds jobs, `per_commit` of them in each commit.
  virtual void Insert(int job_count, int per_commit, Keys keys) = 0;

  // Adds jobs from many threads, each of which adds one and waits until it is durable.
  virtual void InsertFromThreads(int job_count, int thread_count, Keys keys) = 0;

  // Takes jobs in their order and ends them, `in_flight` at once, until all of the `job_count` that
  // are there have ended.
  virtual void Drain(int job_count, int in_flight) = 0;

  // InsertFromThreads() and Drain() at the same time.
  virtual void EndToEnd(int job_count, int thread_count, int in_flight) = 0;

  // Seconds from adding one job to an idle system until it could be run.
  virtual double Latency() = 0;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_LIMIT_H_
