#include <utility>

#include "core/return_if_error.h"
#include "store/postgres/transaction.h"

namespace outlive::postgres {
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

// That a statement was too slow is no reason that the port knows for a write: it was not written.
absl::Status AsWrite(const absl::Status& status) {
  return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
}

}  // namespace

OwnTransaction::~OwnTransaction() {
  if (has_turn_) writer_.Rollback();
}

absl::Status OwnTransaction::Prepare(Before before) {
  WriteSession& session = writer_.session();
  if (before == Before::kNothing) return absl::OkStatus();
  if (before == Before::kTime) return writer_.Begin();
  if (before == Before::kEverythingAndTime) {
    OUTLIVE_RETURN_IF_ERROR(session.Flush());
    return writer_.Begin();
  }
  if (before == Before::kEverything || session.rows.has_artifacts()) return session.Flush();
  const std::vector<Query> queries = session.inserter.Take();
  return queries.empty() ? absl::OkStatus() : session.context.session().Run(queries).status();
}

template <class Result, class Call>
Result OwnTransaction::Do(Before before, Call call) {
  if (!usable_) return NotUsable();
  usable_ = false;
  if (absl::Status ready = Prepare(before); !ready.ok()) return AsWrite(ready);
  Result result = call(writer_.session());
  usable_ = StatusOf(result).ok();
  if (absl::IsDeadlineExceeded(StatusOf(result))) return AsWrite(StatusOf(result));
  return result;
}

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> OwnTransaction::Insert(
    absl::Span<const NewJob> jobs) {
  return Do<absl::StatusOr<std::vector<absl::StatusOr<Inserted>>>>(
      Before::kNothing, [&](WriteSession& session) { return session.inserter.Insert(jobs); });
}

absl::StatusOr<ClaimResult> OwnTransaction::Claim(const ClaimRequest& request) {
  // What it has to see is written in its own round trip.
  return Do<absl::StatusOr<ClaimResult>>(Before::kNothing, [&](WriteSession& session) {
    return session.claimer.Claim(request, session.Take());
  });
}

absl::StatusOr<std::vector<absl::Status>> OwnTransaction::Finish(
    absl::Span<const Finished> finished) {
  return Do<absl::StatusOr<std::vector<absl::Status>>>(
      Before::kNewJobs, [&](WriteSession& session) { return session.finisher.Finish(finished); });
}

absl::StatusOr<std::vector<absl::Status>> OwnTransaction::Write(
    absl::Span<const WorkerWrite> writes) {
  return Do<absl::StatusOr<std::vector<absl::Status>>>(
      Before::kNewJobs, [&](WriteSession& session) { return session.changer.Write(writes); });
}

absl::StatusOr<std::vector<absl::StatusOr<JobState>>> OwnTransaction::Apply(
    absl::Span<const Change> changes) {
  return Do<absl::StatusOr<std::vector<absl::StatusOr<JobState>>>>(
      Before::kNewJobs, [&](WriteSession& session) { return session.changer.Apply(changes); });
}

absl::Status OwnTransaction::OpenSession(const std::string& session, absl::Duration lease) {
  return Do<absl::Status>(Before::kTime, [&](WriteSession& write_session) {
    return write_session.maintainer.OpenSession(session, lease);
  });
}

absl::Status OwnTransaction::RenewSession(const std::string& session, absl::Duration lease) {
  return Do<absl::Status>(Before::kTime, [&](WriteSession& write_session) {
    return write_session.maintainer.RenewSession(session, lease);
  });
}

absl::Status OwnTransaction::CloseSession(const std::string& session) {
  return Do<absl::Status>(Before::kTime, [&](WriteSession& write_session) {
    return write_session.maintainer.CloseSession(session);
  });
}

absl::StatusOr<std::vector<Rescued>> OwnTransaction::Rescue(const RescueRequest& request) {
  return Do<absl::StatusOr<std::vector<Rescued>>>(
      Before::kEverythingAndTime,
      [&](WriteSession& session) { return session.maintainer.Rescue(request); });
}

absl::StatusOr<PruneResult> OwnTransaction::Prune(const PruneRequest& request) {
  return Do<absl::StatusOr<PruneResult>>(Before::kEverythingAndTime, [&](WriteSession& session) {
    return session.maintainer.Prune(request);
  });
}

absl::StatusOr<ReencryptResult> OwnTransaction::Reencrypt(const ReencryptRequest& request) {
  return Do<absl::StatusOr<ReencryptResult>>(Before::kEverything, [&](WriteSession& session) {
    return session.reencrypter.Reencrypt(request);
  });
}

absl::Status OwnTransaction::SetQueue(const QueueSettings& settings) {
  return Do<absl::Status>(
      Before::kTime, [&](WriteSession& session) { return session.maintainer.SetQueue(settings); });
}

absl::Status OwnTransaction::Commit() {
  if (!usable_) return NotUsable();
  usable_ = false;
  has_turn_ = false;
  WakeHint hint;
  absl::Status status = writer_.Commit(hint);
  waker_.Committed(hint);
  return AsWrite(status);
}

}  // namespace outlive::postgres
