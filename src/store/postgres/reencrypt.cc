#include "store/postgres/reencrypt.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/return_if_error.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"

namespace outlive::postgres {
namespace {

// Jobs that are read at once: each may have kReencryptBytesMax / 2.
constexpr int kReadAhead = 16;

struct Field {
  int column;
  PayloadField field;
  std::string_view set;
};
constexpr std::array kFields = {Field{1, PayloadField::kArgs, "maintenance/set_args"},
                                Field{2, PayloadField::kCheckpoint, "maintenance/set_checkpoint"},
                                Field{3, PayloadField::kOutput, "maintenance/set_output"},
                                Field{4, PayloadField::kFollowUps, "maintenance/set_follow_ups"}};

}  // namespace

absl::StatusOr<ReencryptResult> Reencrypter::Reencrypt(const ReencryptRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidateReencryptRequest(request));
  if (!context_.payloads().sealing()) {
    return absl::FailedPreconditionError("the store was opened without a cipher");
  }
  ReencryptResult result;
  result.last = request.after;
  result.more = true;
  std::size_t bytes = 0;
  while (result.job_count < request.job_count_max && bytes < kReencryptBytesMax) {
    Query next{.name = "maintenance/next_payloads"};
    const int wanted = std::min(kReadAhead, request.job_count_max - result.job_count);
    next.params.Int(result.last).Int(wanted);
    const absl::StatusOr<Rows> rows = context_.session().RunOne(next);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    std::vector<Query> queries;
    int row = 0;
    for (; row < rows->size() && bytes < kReencryptBytesMax; ++row) {
      OUTLIVE_RETURN_IF_ERROR(RenewOne(*rows, row, bytes, result, queries));
      result.last = rows->Int(row, 0);
      ++result.job_count;
    }
    if (!queries.empty()) OUTLIVE_RETURN_IF_ERROR(context_.session().Run(queries).status());
    if (row == rows->size() && rows->size() < wanted) {
      result.more = false;
      break;
    }
  }
  return result;
}

absl::Status Reencrypter::RenewOne(const Rows& rows, int row, std::size_t& bytes,
                                   ReencryptResult& result, std::vector<Query>& queries) {
  const Payloads& payloads = context_.payloads();
  const JobId job = rows.Int(row, 0);
  bool renewed = false;
  bool unreadable = false;
  for (const Field& field : kFields) {
    if (rows.IsNull(row, field.column)) continue;
    const std::string_view kept = rows.Text(row, field.column);
    bytes += kept.size();
    const absl::StatusOr<std::optional<std::string>> fresh =
        field.field == PayloadField::kFollowUps ? payloads.RenewFollowUps(job, kept)
                                                : payloads.Renew(job, field.field, kept);
    if (IsUnreadable(fresh.status())) {
      unreadable = true;
      continue;
    }
    OUTLIVE_RETURN_IF_ERROR(fresh.status());
    if (!fresh->has_value()) continue;
    queries.push_back({.name = field.set});
    queries.back().params.Int(job).Text(**fresh).Text(kept);
    renewed = true;
  }
  result.renewed_count += renewed ? 1 : 0;
  result.unreadable_count += unreadable ? 1 : 0;
  return absl::OkStatus();
}

}  // namespace outlive::postgres
