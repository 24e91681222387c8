#include "tests/processes/beat_store.h"

#include <string>
#include <utility>

namespace outlive::testing {

// A session that is opened anew is as good as one that was renewed.
class BeatStore::Transaction final : public ForwardingStoreTransaction {
 public:
  Transaction(std::unique_ptr<StoreTransaction> inner, BeatStore& store)
      : ForwardingStoreTransaction(std::move(inner)), store_(store) {}

  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    absl::Status status = inner().OpenSession(session, lease);
    store_.OnRenewal();
    return status;
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    absl::Status status = inner().RenewSession(session, lease);
    store_.OnRenewal();
    return status;
  }

 private:
  BeatStore& store_;
};

class BeatStore::BeatSubscription final : public Subscription {
 public:
  BeatSubscription(std::unique_ptr<Subscription> inner, BeatStore& store)
      : inner_(std::move(inner)), store_(store) {}
  ~BeatSubscription() override {
    MutexLock lock(store_.mutex_);
    store_.on_wake_ = nullptr;
  }

 private:
  const std::unique_ptr<Subscription> inner_;
  BeatStore& store_;
};

void BeatStore::Beat() {
  // A runner that has looked on its own since then has renewed, too.
  const absl::Duration now = clock().SinceBoot();
  std::function<void(WakeHint)> on_wake;
  {
    MutexLock lock(mutex_);
    on_wake = on_wake_;
  }
  on_wake({.work = true, .cancel = true});
  MutexLock lock(mutex_);
  while (renewed_at_ <= now - kStep) changed_.Wait(mutex_);
}

void BeatStore::OnRenewal() {
  MutexLock lock(mutex_);
  renewed_at_ = clock().SinceBoot();
  changed_.NotifyAll();
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> BeatStore::Begin() {
  auto transaction = inner().Begin();
  if (!transaction.ok()) return transaction;
  return std::make_unique<Transaction>(*std::move(transaction), *this);
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> BeatStore::BeginUpkeep(Upkeep upkeep) {
  auto transaction = inner().BeginUpkeep(upkeep);
  if (!transaction.ok()) return transaction;
  return std::make_unique<Transaction>(*std::move(transaction), *this);
}

std::unique_ptr<Subscription> BeatStore::Subscribe(std::function<void(WakeHint)> on_wake) {
  {
    MutexLock lock(mutex_);
    on_wake_ = on_wake;
  }
  return std::make_unique<BeatSubscription>(inner().Subscribe(std::move(on_wake)), *this);
}

}  // namespace outlive::testing
