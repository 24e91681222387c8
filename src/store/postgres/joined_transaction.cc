#include <array>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "store/postgres/transaction.h"

namespace outlive::postgres {

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> JoinedTransaction::Insert(
    absl::Span<const NewJob> jobs) {
  std::vector<absl::StatusOr<Inserted>> results;
  OUTLIVE_RETURN_IF_ERROR(InSavepoint([&] {
    absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> inserted = session_.inserter.Insert(jobs);
    if (inserted.ok()) results = *std::move(inserted);
    return inserted.status();
  }));
  return results;
}

absl::StatusOr<std::vector<absl::Status>> JoinedTransaction::Finish(
    absl::Span<const Finished> finished) {
  std::vector<absl::Status> results;
  OUTLIVE_RETURN_IF_ERROR(InSavepoint([&] {
    absl::StatusOr<std::vector<absl::Status>> ended = session_.finisher.Finish(finished);
    if (ended.ok()) results = *std::move(ended);
    return ended.status();
  }));
  return results;
}

absl::Status JoinedTransaction::InSavepoint(absl::FunctionRef<absl::Status()> call) {
  if (!usable_) {
    return absl::FailedPreconditionError("the transaction has failed; it can only be destroyed");
  }
  usable_ = false;
  if (!host_.in_transaction()) {
    return absl::FailedPreconditionError("the host has ended its transaction, or it has failed");
  }
  absl::Status status = StartCall();
  if (status.ok()) status = call();
  if (status.ok()) status = EndCall();
  usable_ = status.ok();
  if (!status.ok()) {
    const std::array undo = {Query{.name = "transaction/undo"},
                             Query{.name = "transaction/release"}};
    host_.Run(undo).IgnoreError();
  }
  return status;
}

absl::Status JoinedTransaction::StartCall() {
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  const std::array start = {Query{.name = "transaction/savepoint"},
                            time_.Ask(time_.Given(), /*refuses_move=*/true)};
  const absl::StatusOr<std::vector<Rows>> results = host_.Run(start);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& now = (*results)[1];
  session_.Start();
  session_.context.SetNow(time_.See(now, asked));
  return absl::OkStatus();
}

absl::Status JoinedTransaction::EndCall() {
  std::vector<Query> queries = session_.Take();
  for (Query& query : session_.context.LeaveForHost()) queries.push_back(std::move(query));
  queries.push_back({.name = "transaction/release"});
  OUTLIVE_RETURN_IF_ERROR(host_.Run(queries).status());
  waker_.ExpectHost();
  return absl::OkStatus();
}

}  // namespace outlive::postgres
