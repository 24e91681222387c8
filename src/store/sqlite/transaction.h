// The two kinds of StoreTransaction: the store's own, and one inside a host's transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_TRANSACTION_H_
#define OUTLIVE_SRC_STORE_SQLITE_TRANSACTION_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "core/joined_transaction_base.h"
#include "core/store_time.h"
#include "outlive/core/job_store.h"
#include "outlive/core/wake_hub.h"
#include "store/sqlite/write_session.h"
#include "store/sqlite/writer.h"

namespace outlive::sqlite {

// Holds the writer's turn from its making to its end.
class OwnTransaction final : public StoreTransaction {
 public:
  // Writer::Begin() was OK on this thread. Both outlive it.
  OwnTransaction(Writer& writer, WakeHub& hub) : writer_(writer), hub_(hub) {}
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
  // Runs `call` where the transaction is still usable, and notes whether it stays so. `Result` is
  // a Status or a StatusOr.
  template <class Result, class Call>
  Result Do(Call call);

  void EndTurn();

  Writer& writer_;
  WakeHub& hub_;
  bool usable_ = true;
  bool has_turn_ = true;
};

// Writes over the host's connection, each call in a savepoint of its own.
class JoinedTransaction final : public internal::JoinedTransactionBase {
 public:
  // A transaction is open on `host`. All outlive it.
  JoinedTransaction(sqlite3* host, internal::StoreTime& time, const Payloads& payloads)
      : host_(host), session_(host, time, payloads) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override;
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override;

 private:
  // Runs `call` so that all it writes is kept, or nothing.
  absl::Status InSavepoint(absl::FunctionRef<absl::Status()> call);

  // Takes the host's write lock and forgets the last call: the host may have undone it.
  absl::Status StartCall();

  absl::Status Exec(const char* sql, const char* doing);

  sqlite3* const host_;
  WriteSession session_;
  Statement take_write_lock_{host_, SqlText(kContextSql, "take_write_lock")};
  bool usable_ = true;
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_TRANSACTION_H_
