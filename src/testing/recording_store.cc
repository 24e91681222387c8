#include "outlive/testing/recording_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "outlive/core/store_rules.h"

namespace outlive::testing {
namespace {

HistoryRecord OfLease(HistoryOp op, const Lease& lease) {
  HistoryRecord record;
  record.op = op;
  record.job = lease.job;
  record.fence = lease.fence;
  return record;
}

class RecordingTransaction final : public ForwardingStoreTransaction {
 public:
  // `begun_at` is no later than the transaction's own time.
  RecordingTransaction(std::unique_ptr<StoreTransaction> inner, Recorder& recorder,
                       absl::Time begun_at, bool joined)
      : ForwardingStoreTransaction(std::move(inner)),
        recorder_(recorder),
        begun_at_(begun_at),
        joined_(joined) {}

  ~RecordingTransaction() override {
    EndAll(joined_ ? absl::UnknownError("") : absl::AbortedError(""));
  }

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    absl::StatusOr<ClaimResult> result = inner().Claim(request);
    if (!result.ok()) return result;
    for (const ClaimedJob& job : result->jobs) {
      HistoryRecord claim = OfLease(HistoryOp::kClaim, job.lease);
      claim.session = request.session;
      claim.attempt = job.attempt;
      claim.run_at = job.run_at;
      Pend(std::move(claim));
    }
    return result;
  }

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    auto results = inner().Finish(finished);
    if (!results.ok()) return results;
    for (std::size_t i = 0; i < finished.size(); ++i) {
      HistoryRecord finish = OfLease(HistoryOp::kFinish, finished[i].lease);
      finish.transition = finished[i].transition;
      finish.delay = finished[i].delay;
      Pend(std::move(finish), (*results)[i]);
    }
    return results;
  }

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    auto results = inner().Write(writes);
    if (!results.ok()) return results;
    for (std::size_t i = 0; i < writes.size(); ++i) {
      const WorkerWrite& write = writes[i];
      if (write.progress || write.progress_note) {
        Pend(OfLease(HistoryOp::kProgress, write.lease), (*results)[i]);
      }
      if (write.checkpoint) {
        HistoryRecord checkpoint = OfLease(HistoryOp::kCheckpoint, write.lease);
        checkpoint.value = *write.checkpoint;
        Pend(std::move(checkpoint), (*results)[i]);
      }
      if (write.artifact) {
        HistoryRecord publish = OfLease(HistoryOp::kPublish, write.lease);
        publish.value = write.artifact->id;
        Pend(std::move(publish), (*results)[i]);
      }
    }
    return results;
  }

  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return OfSession(HistoryOp::kOpenSession, session, lease,
                     [&] { return inner().OpenSession(session, lease); });
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return OfSession(HistoryOp::kRenewSession, session, lease,
                     [&] { return inner().RenewSession(session, lease); });
  }
  absl::Status CloseSession(const std::string& session) override {
    return OfSession(HistoryOp::kCloseSession, session, absl::ZeroDuration(),
                     [&] { return inner().CloseSession(session); });
  }

  absl::Status Commit() override {
    absl::Status status = inner().Commit();
    // A transaction that is the host's cannot be committed here: it goes on.
    if (!joined_) EndAll(status);
    return status;
  }

 private:
  // Its result is that of the transaction, unless it has been refused already.
  void Pend(HistoryRecord operation, const absl::Status& status = absl::OkStatus()) {
    HistoryRecord begun = recorder_.Begin(std::move(operation));
    if (status.ok()) {
      pending_.push_back(std::move(begun));
    } else {
      recorder_.End(std::move(begun), status);
    }
  }

  template <class Call>
  absl::Status OfSession(HistoryOp op, const std::string& session, absl::Duration lease,
                         Call call) {
    HistoryRecord record;
    record.op = op;
    record.session = session;
    record.lease = lease;
    record.at = begun_at_;
    HistoryRecord begun = recorder_.Begin(std::move(record));
    absl::Status status = call();
    if (status.ok()) {
      pending_.push_back(std::move(begun));
    } else {
      recorder_.End(std::move(begun), status);
    }
    return status;
  }

  void EndAll(const absl::Status& status) {
    for (HistoryRecord& operation : pending_) recorder_.End(std::move(operation), status);
    pending_.clear();
  }

  Recorder& recorder_;
  const absl::Time begun_at_;
  const bool joined_;
  std::vector<HistoryRecord> pending_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StoreTransaction>> RecordingStore::Record(
    absl::FunctionRef<absl::StatusOr<std::unique_ptr<StoreTransaction>>()> begin) {
  const absl::Time before = ToStoreTime(clock().Now());
  auto transaction = begin();
  if (!transaction.ok()) return transaction;
  // The clock may have been put back while the store was waited for.
  const absl::Time begun_at = std::min(before, ToStoreTime(clock().Now()));
  return std::make_unique<RecordingTransaction>(*std::move(transaction), recorder_, begun_at,
                                                false);
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> RecordingStore::Begin() {
  return Record([this] { return inner().Begin(); });
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> RecordingStore::BeginUpkeep(Upkeep upkeep) {
  return Record([this, upkeep] { return inner().BeginUpkeep(upkeep); });
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> RecordingStore::Join(HostTransaction host) {
  const absl::Time begun_at = ToStoreTime(clock().Now());
  auto transaction = inner().Join(host);
  if (!transaction.ok()) return transaction;
  return std::make_unique<RecordingTransaction>(*std::move(transaction), recorder_, begun_at, true);
}

}  // namespace outlive::testing
