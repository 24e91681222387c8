// BareLimit is the limit of a store on a database: BareTables in transactions of the size that ours
// have, and threads that wait for one another's commits.
#ifndef OUTLIVE_BENCHMARKS_BARE_LIMIT_H_
#define OUTLIVE_BENCHMARKS_BARE_LIMIT_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "benchmarks/bare_tables.h"
#include "benchmarks/limit.h"

namespace outlive::bench {

class BareLimit final : public Limit {
 public:
  BareLimit(std::unique_ptr<BareTables> tables, int payload);
  ~BareLimit() override;

  void Insert(int job_count, int per_commit, Keys keys) override;
  void InsertFromThreads(int job_count, int thread_count, Keys keys) override;
  void Drain(int job_count, int in_flight) override;
  void EndToEnd(int job_count, int thread_count, int in_flight) override;
  double Latency() override;

 private:
  struct Row;
  struct Group;

  // Returns when the row is durable.
  void CommitInGroup(const Row& row);
  // One transaction: what is held ends, the rows are added, up to `in_flight_` jobs are taken.
  void CommitAll(const std::vector<const Row*>& rows);

  const std::string args_;
  const std::unique_ptr<BareTables> tables_;
  int in_flight_ = 0;
  int claim_max_ = 0;  // Jobs that may still be taken.
  int ended_ = 0;
  std::vector<BareTables::Claimed> held_;

  std::mutex gate_;                   // Held by who commits.
  std::mutex mutex_;                  // Of gathering_.
  std::shared_ptr<Group> gathering_;  // Rows that go into the next commit.
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BARE_LIMIT_H_
