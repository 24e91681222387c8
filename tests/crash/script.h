// Script is what a process does to a store: a row of transactions that is always the same, in which
// everything comes up that a store can do. What it has done can be compared, transaction by
// transaction, with what is there after a crash.
#ifndef OUTLIVE_TESTS_CRASH_SCRIPT_H_
#define OUTLIVE_TESTS_CRASH_SCRIPT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::crash {

class Script {
 public:
  // Time passes with each transaction. The clock outlives the script.
  explicit Script(testing::VirtualClock& clock);

  std::size_t size() const { return steps_.size(); }

  // Runs transaction number `index` on the store; each once, in their order. OK: it is durable. In
  // whatever the store refuses nothing of the script is to blame.
  absl::Status Run(std::size_t index, JobStore& store);

 private:
  using Step = std::function<absl::Status(StoreTransaction&)>;

  void AddInserts();
  void AddWork();
  void AddLoss();
  void AddUpkeep();

  absl::Status Insert(StoreTransaction& transaction, const std::vector<NewJob>& jobs);
  absl::Status Claim(StoreTransaction& transaction, const std::string& session, int count,
                     const std::string& kind = "mail.send");
  absl::Status Finish(StoreTransaction& transaction, Transition transition);
  absl::Status FinishMany(StoreTransaction& transaction);
  absl::Status Write(StoreTransaction& transaction);
  static absl::Status Apply(StoreTransaction& transaction, JobId id, Change::Action action);

  testing::VirtualClock& clock_;
  std::vector<Step> steps_;
  std::size_t rescue_ = 0;        // This step comes when the short lease has ended.
  std::vector<JobId> ids_;        // Of what was inserted, in order.
  std::vector<ClaimedJob> held_;  // Oldest first.
};

}  // namespace outlive::crash

#endif  // OUTLIVE_TESTS_CRASH_SCRIPT_H_
