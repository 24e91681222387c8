// The two kinds of StoreTransaction: the store's own, and one inside a host's transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_TRANSACTION_H_
#define OUTLIVE_SRC_STORE_POSTGRES_TRANSACTION_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/joined_transaction_base.h"
#include "outlive/core/job_store.h"
#include "outlive/core/wake_hub.h"
#include "store/postgres/database_time.h"
#include "store/postgres/host_session.h"
#include "store/postgres/waker.h"
#include "store/postgres/write_session.h"
#include "store/postgres/writer.h"

namespace outlive::postgres {

// Holds the writer's turn from its making to its end.
class OwnTransaction final : public StoreTransaction {
 public:
  // Writer::TakeTurn() was OK on this thread. Both outlive it.
  OwnTransaction(Writer& writer, Waker& waker) : writer_(writer), waker_(waker) {}
  ~OwnTransaction() override;

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override;
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override;
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override;
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override;
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override;
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override;
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override;
  absl::Status CloseSession(const std::string& session) override;
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override;
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override;
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request) override;
  absl::Status SetQueue(const QueueSettings& settings) override;
  absl::Status Commit() override;

 private:
  // What has to be in the database, or known, before a call. The transaction's time is known after
  // the first statement: calls that begin with one of their own need not ask for it.
  enum class Before { kNothing, kTime, kNewJobs, kEverything, kEverythingAndTime };

  // Runs `call` where the transaction is still usable, and notes whether it stays so. `Result` is
  // a Status or a StatusOr.
  template <class Result, class Call>
  Result Do(Before before, Call call);
  absl::Status Prepare(Before before);

  Writer& writer_;
  Waker& waker_;
  bool usable_ = true;
  bool has_turn_ = true;
};

// Writes over the host's connection, each call in a savepoint of its own.
class JoinedTransaction final : public internal::JoinedTransactionBase {
 public:
  // A transaction is open on `host`. All outlive it.
  JoinedTransaction(pg_conn* host, const SqlBook& book, LaneBook& lanes, const Payloads& payloads,
                    DatabaseTime& time, Waker& waker, std::int64_t log_lock)
      : host_(host, book), session_(host_, lanes, payloads, log_lock), time_(time), waker_(waker) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override;
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override;

 private:
  // Runs `call` so that all it writes is kept, or nothing.
  absl::Status InSavepoint(absl::FunctionRef<absl::Status()> call);
  absl::Status StartCall();
  absl::Status EndCall();

  HostSession host_;
  WriteSession session_;
  DatabaseTime& time_;
  Waker& waker_;
  bool usable_ = true;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_TRANSACTION_H_
