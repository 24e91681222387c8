// BareTables is what any job system on a database has to write for a job, if it keeps what it
// promises: the least, by prepared statements alone. One column for one fact, integers for names,
// rows found by their key, and no index but the one that gives the order of claims.
//
//   enqueue   the job with its arguments, and where it waits
//   claim     the next n that wait, by priority, run_at and id, with their arguments; they run
//   finish    it runs no longer, where the fence is right, and has ended
//   commit    the events of the transaction, one row for all of them; COMMIT
//
// The rows are those that outlive's own schema has for such a job: it is kept when it has ended,
// and each of its transitions is in the event log. Left out is everything else: names, sessions,
// counts for statistics, checks of what comes in, progress, retries, tags, wake-ups. So it is a
// limit and not a rival.
//
// Thread-safety: none; one transaction at a time.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_BARE_TABLES_H_
#define OUTLIVE_BENCHMARKS_BARE_TABLES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace outlive::bench {

using BareKey = std::array<std::uint64_t, 2>;

class BareTables {
 public:
  struct Claimed {
    std::int64_t job = 0;
    std::int64_t run_at = 0;
    std::string args = {};
  };

  virtual ~BareTables() = default;

  virtual void Begin() = 0;
  // What is added lives until the commit.
  virtual void Insert(std::string_view args) = 0;
  virtual void InsertWithKey(std::string_view args, const BareKey& key) = 0;
  // Replaces `claimed`, whose strings are used again.
  virtual void Claim(int job_count_max, std::vector<Claimed>& claimed) = 0;
  virtual void Finish(const Claimed& job) = 0;
  virtual void Commit() = 0;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BARE_TABLES_H_
