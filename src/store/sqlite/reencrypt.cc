#include "store/sqlite/reencrypt.h"

#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"

namespace outlive::sqlite {

const std::array<Reencrypter::Field, 4> Reencrypter::kFields = {
    Field{PayloadField::kArgs, &Reencrypter::set_args_},
    Field{PayloadField::kCheckpoint, &Reencrypter::set_checkpoint_},
    Field{PayloadField::kOutput, &Reencrypter::set_output_},
    Field{PayloadField::kFollowUps, &Reencrypter::set_follow_ups_}};

std::size_t Reencrypter::Kept::size() const {
  std::size_t total = 0;
  for (const std::optional<std::string>& bytes : fields) total += bytes ? bytes->size() : 0;
  return total;
}

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
    const absl::StatusOr<std::optional<Kept>> kept = NextJob(result.last);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    if (!kept->has_value()) {
      result.more = false;
      break;
    }
    OUTLIVE_RETURN_IF_ERROR(RenewOne(**kept, result));
    result.last = (*kept)->id;
    ++result.job_count;
    bytes += (*kept)->size();
  }
  return result;
}

absl::StatusOr<std::optional<Reencrypter::Kept>> Reencrypter::NextJob(JobId after) {
  Rows rows = next_job_.Query(after);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return std::nullopt;
  }
  Kept kept;
  kept.id = rows.Int(0);
  for (std::size_t i = 0; i < kept.fields.size(); ++i) {
    const int column = static_cast<int>(i) + 1;
    if (!rows.IsNull(column)) kept.fields[i] = std::string(rows.Text(column));
  }
  return kept;
}

absl::Status Reencrypter::RenewOne(const Kept& kept, ReencryptResult& result) {
  const Payloads& payloads = context_.payloads();
  bool renewed = false;
  bool unreadable = false;
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (!kept.fields[i]) continue;
    const PayloadField field = kFields[i].field;
    const bool is_text = field == PayloadField::kFollowUps;
    absl::StatusOr<std::optional<std::string>> bytes =
        is_text ? payloads.RenewFollowUps(kept.id, *kept.fields[i])
                : payloads.Renew(kept.id, field, *kept.fields[i]);
    if (IsUnreadable(bytes.status())) {
      unreadable = true;
      continue;
    }
    OUTLIVE_RETURN_IF_ERROR(bytes.status());
    if (!bytes->has_value()) continue;
    Statement& set = this->*kFields[i].set;
    OUTLIVE_RETURN_IF_ERROR(is_text ? set.Run(kept.id, **bytes) : set.Run(kept.id, Bytes{**bytes}));
    renewed = true;
  }
  result.renewed_count += renewed ? 1 : 0;
  result.unreadable_count += unreadable ? 1 : 0;
  return absl::OkStatus();
}

}  // namespace outlive::sqlite
