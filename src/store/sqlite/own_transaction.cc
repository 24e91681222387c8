#include <type_traits>
#include <utility>

#include "store/sqlite/transaction.h"

namespace outlive::sqlite {
namespace {

const absl::Status& StatusOf(const absl::Status& status) { return status; }

template <class Value>
const absl::Status& StatusOf(const absl::StatusOr<Value>& result) {
  return result.status();
}

absl::Status NotUsable() {
  return absl::FailedPreconditionError(
      "the transaction has been committed or has failed; it can only be destroyed");
}

}  // namespace

OwnTransaction::~OwnTransaction() {
  if (!has_turn_) return;
  WakeHint hint;
  writer_.Rollback(hint);
  hub_.Wake(hint);
}

template <class Result, class Call>
Result OwnTransaction::Do(Call call) {
  if (!usable_) return NotUsable();
  Result result = call(writer_.session());
  usable_ = StatusOf(result).ok();
  return result;
}

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> OwnTransaction::Insert(
    absl::Span<const NewJob> jobs) {
  return Do<absl::StatusOr<std::vector<absl::StatusOr<Inserted>>>>(
      [&](WriteSession& session) { return session.inserter.Insert(jobs); });
}

absl::StatusOr<ClaimResult> OwnTransaction::Claim(const ClaimRequest& request) {
  return Do<absl::StatusOr<ClaimResult>>(
      [&](WriteSession& session) { return session.claimer.Claim(request); });
}

absl::StatusOr<std::vector<absl::Status>> OwnTransaction::Finish(
    absl::Span<const Finished> finished) {
  return Do<absl::StatusOr<std::vector<absl::Status>>>(
      [&](WriteSession& session) { return session.finisher.Finish(finished); });
}

absl::StatusOr<std::vector<absl::Status>> OwnTransaction::Write(
    absl::Span<const WorkerWrite> writes) {
  return Do<absl::StatusOr<std::vector<absl::Status>>>(
      [&](WriteSession& session) { return session.worker_writer.Write(writes); });
}

absl::StatusOr<std::vector<absl::StatusOr<JobState>>> OwnTransaction::Apply(
    absl::Span<const Change> changes) {
  return Do<absl::StatusOr<std::vector<absl::StatusOr<JobState>>>>(
      [&](WriteSession& session) { return session.changer.Apply(changes); });
}

absl::Status OwnTransaction::OpenSession(const std::string& session, absl::Duration lease) {
  return Do<absl::Status>([&](WriteSession& write_session) {
    return write_session.maintainer.OpenSession(session, lease);
  });
}

absl::Status OwnTransaction::RenewSession(const std::string& session, absl::Duration lease) {
  return Do<absl::Status>([&](WriteSession& write_session) {
    return write_session.maintainer.RenewSession(session, lease);
  });
}

absl::Status OwnTransaction::CloseSession(const std::string& session) {
  return Do<absl::Status>(
      [&](WriteSession& write_session) { return write_session.maintainer.CloseSession(session); });
}

absl::StatusOr<std::vector<Rescued>> OwnTransaction::Rescue(const RescueRequest& request) {
  return Do<absl::StatusOr<std::vector<Rescued>>>(
      [&](WriteSession& session) { return session.maintainer.Rescue(request); });
}

absl::StatusOr<PruneResult> OwnTransaction::Prune(const PruneRequest& request) {
  return Do<absl::StatusOr<PruneResult>>(
      [&](WriteSession& session) { return session.maintainer.Prune(request); });
}

absl::StatusOr<ReencryptResult> OwnTransaction::Reencrypt(const ReencryptRequest& request) {
  return Do<absl::StatusOr<ReencryptResult>>(
      [&](WriteSession& session) { return session.reencrypter.Reencrypt(request); });
}

absl::Status OwnTransaction::SetQueue(const QueueSettings& settings) {
  return Do<absl::Status>(
      [&](WriteSession& session) { return session.changer.SetQueue(settings); });
}

absl::Status OwnTransaction::Commit() {
  if (!usable_) return NotUsable();
  usable_ = false;
  has_turn_ = false;
  WakeHint hint;
  absl::Status status = writer_.Commit(hint);
  hub_.Wake(hint);
  return status;
}

}  // namespace outlive::sqlite
