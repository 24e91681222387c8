// Claimer leases due jobs: one statement for each queue, and all of them in one round trip.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CLAIM_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CLAIM_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Claimer {
 public:
  // It outlives it.
  explicit Claimer(WriteContext& context) : context_(context) {}

  // StoreTransaction::Claim(). What it has to see is in the database, or written by `before`, which
  // is run with it.
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request, std::vector<Query> before);

 private:
  // Whether a queue has due jobs that were not taken.
  enum class Left { kNotAsked, kNone, kSome };

  absl::Status CheckSession(const Rows& rows) const;
  std::vector<std::size_t> AskQueues(const ClaimRequest& request, const ClaimResult& result,
                                     std::size_t& next, std::vector<Query>& queries) const;
  Query ClaimFrom(const ClaimRequest& request, std::size_t queue, std::size_t count_max) const;
  static Query NextOf(const ClaimRequest& request);
  absl::Status AddJobs(const Rows& rows, std::size_t queue, ClaimResult& result);
  absl::Status AddJob(const Rows& rows, int row, std::size_t queue, ClaimResult& result);
  absl::Time NextRunAt(const Rows& rows, const ClaimRequest& request,
                       const ClaimResult& result) const;

  WriteContext& context_;

  // Of the claim under way.
  bool from_floors_ = false;
  absl::Duration took_;          // In the server.
  std::size_t queue_count_ = 0;  // That it was about.
  std::vector<Left> left_;       // By queue.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CLAIM_H_
