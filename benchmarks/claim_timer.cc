#include "benchmarks/claim_timer.h"

#include <utility>

#include "benchmarks/support.h"

namespace outlive::bench {

class ClaimTimer::Transaction final : public ForwardingStoreTransaction {
 public:
  Transaction(std::unique_ptr<StoreTransaction> inner, ClaimTimer& timer)
      : ForwardingStoreTransaction(std::move(inner)), timer_(timer) {}

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    const SteadyClock::time_point start = SteadyClock::now();
    absl::StatusOr<ClaimResult> result = inner().Claim(request);
    if (result.ok()) timer_.Add(SecondsSince(start));
    return result;
  }

 private:
  ClaimTimer& timer_;
};

absl::StatusOr<std::unique_ptr<StoreTransaction>> ClaimTimer::Begin() {
  absl::StatusOr<std::unique_ptr<StoreTransaction>> begun = inner().Begin();
  if (!begun.ok()) return begun;
  return std::make_unique<Transaction>(*std::move(begun), *this);
}

void ClaimTimer::Add(double seconds) {
  MutexLock lock(mutex_);
  seconds_.push_back(seconds);
}

std::vector<double> ClaimTimer::Take() {
  MutexLock lock(mutex_);
  return std::exchange(seconds_, {});
}

}  // namespace outlive::bench
