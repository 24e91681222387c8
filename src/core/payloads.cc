#include "outlive/core/payloads.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "outlive/core/log.h"

namespace outlive {
namespace {

// In hexadecimal dumps, in the view outlive_jobs and in base64 it says what it is. Persisted.
constexpr std::string_view kMark = "outlive-sealed-1";
constexpr std::size_t kKeyIdBytesMax = 64;

absl::Status Because(PayloadField field, const absl::Status& why) {
  return absl::Status(why.code(),
                      fmt::format("the job's {} cannot be opened: {}", PayloadFieldName(field),
                                  std::string_view(why.message().data(), why.message().size())));
}

// Sealed follow-ups are base64 and so begin with a letter; JSON of them begins with a bracket, and
// is never in base64.
absl::StatusOr<std::string> FollowUpBytes(std::string_view kept) {
  if (kept.substr(0, 1) == "[") return std::string(kept);
  std::string bytes;
  if (absl::Base64Unescape({kept.data(), kept.size()}, &bytes) && ReadSealed(bytes)) return bytes;
  return Because(PayloadField::kFollowUps, absl::DataLossError("they are neither JSON nor sealed"));
}

}  // namespace

std::string_view PayloadFieldName(PayloadField field) {
  switch (field) {
    case PayloadField::kArgs:
      return "arguments";
    case PayloadField::kCheckpoint:
      return "checkpoint";
    case PayloadField::kOutput:
      return "output";
    case PayloadField::kFollowUps:
      return "follow-ups";
  }
  return "payload";
}

std::string SealedHead(std::string_view key_id) {
  std::string head(kMark);
  head.push_back(static_cast<char>(std::min(key_id.size(), kKeyIdBytesMax)));
  head.append(key_id.substr(0, kKeyIdBytesMax));
  return head;
}

std::optional<SealedPayload> ReadSealed(std::string_view bytes) {
  if (bytes.substr(0, kMark.size()) != kMark) return std::nullopt;
  bytes.remove_prefix(kMark.size());
  SealedPayload sealed;
  if (bytes.empty()) return sealed;
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes.front()));
  bytes.remove_prefix(1);
  if (size == 0 || size > kKeyIdBytesMax || size > bytes.size()) return sealed;
  sealed.key_id = bytes.substr(0, size);
  sealed.body = bytes.substr(size);
  return sealed;
}

absl::StatusOr<KeptPayload> Payloads::Keep(JobId job, PayloadField field,
                                           std::string_view plain) const {
  if (cipher_ == nullptr) return KeptPayload(plain);
  absl::StatusOr<std::string> sealed = cipher_->Seal(PlaceOf(job, field), plain);
  if (!sealed.ok()) return sealed.status();
  return KeptPayload(*std::move(sealed));
}

absl::Status Payloads::Open(JobId job, PayloadField field, std::string& bytes) const {
  const std::optional<SealedPayload> sealed = ReadSealed(bytes);
  if (!sealed && (cipher_ == nullptr || cipher_->accepts_plain())) return absl::OkStatus();
  absl::StatusOr<std::string> plain =
      absl::FailedPreconditionError("it was never sealed, and the cipher does not accept that");
  if (sealed && cipher_ == nullptr) {
    plain = absl::FailedPreconditionError(
        fmt::format("it is sealed with key \"{}\", and the store was opened without a cipher",
                    EscapeForLog(sealed->key_id)));
  } else if (sealed) {
    plain = cipher_->Open(PlaceOf(job, field), bytes);
  }
  bytes.clear();
  if (!plain.ok()) return Because(field, plain.status());
  bytes = *std::move(plain);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Payloads::KeepFollowUps(JobId job,
                                                    const std::vector<FollowUp>& follow_ups) const {
  std::string text = EncodeFollowUps(follow_ups);
  if (cipher_ == nullptr) return text;
  absl::StatusOr<KeptPayload> kept = Keep(job, PayloadField::kFollowUps, text);
  if (!kept.ok()) return kept.status();
  return absl::Base64Escape({kept->bytes().data(), kept->bytes().size()});
}

absl::StatusOr<std::vector<FollowUp>> Payloads::OpenFollowUps(JobId job,
                                                              std::string_view kept) const {
  absl::StatusOr<std::string> text = FollowUpBytes(kept);
  if (!text.ok()) return text.status();
  if (absl::Status opened = Open(job, PayloadField::kFollowUps, *text); !opened.ok()) return opened;
  absl::StatusOr<std::vector<FollowUp>> follow_ups = DecodeFollowUps(*text);
  if (follow_ups.ok()) return follow_ups;
  return Because(PayloadField::kFollowUps, absl::DataLossError("they are not what was written"));
}

absl::StatusOr<std::optional<std::string>> Payloads::Renew(JobId job, PayloadField field,
                                                           std::string_view kept) const {
  const std::optional<SealedPayload> sealed = ReadSealed(kept);
  if (sealed && sealed->key_id == cipher_->key_id()) return std::optional<std::string>();
  std::string bytes(kept);
  if (absl::Status opened = Open(job, field, bytes); !opened.ok()) return opened;
  absl::StatusOr<std::string> renewed = cipher_->Seal(PlaceOf(job, field), bytes);
  if (!renewed.ok()) return renewed.status();
  return std::optional<std::string>(*std::move(renewed));
}

absl::StatusOr<std::optional<std::string>> Payloads::RenewFollowUps(JobId job,
                                                                    std::string_view kept) const {
  const absl::StatusOr<std::string> bytes = FollowUpBytes(kept);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<std::optional<std::string>> renewed = Renew(job, PayloadField::kFollowUps, *bytes);
  if (renewed.ok() && renewed->has_value()) {
    **renewed = absl::Base64Escape(absl::string_view(**renewed));
  }
  return renewed;
}

absl::StatusOr<Fingerprint> Payloads::ArgsFingerprint(const Fingerprint& key,
                                                      std::string_view args) const {
  if (cipher_ == nullptr) return outlive::ArgsFingerprint(args);
  return cipher_->ArgsFingerprint(key, args);
}

bool Payloads::IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                                 std::string_view args) const {
  if (cipher_ != nullptr && cipher_->IsArgsFingerprint(kept, key, args)) return true;
  // Also of a key that was used before there was a cipher.
  return (cipher_ == nullptr || cipher_->accepts_plain()) && kept == outlive::ArgsFingerprint(args);
}

bool IsUnreadable(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsDataLoss(status);
}

AttemptError FollowUpsLost(int attempt, absl::Time at, const absl::Status& why) {
  return {attempt, at, why.code(),
          fmt::format("its follow-ups were not inserted: {}",
                      std::string_view(why.message().data(), why.message().size()))};
}

}  // namespace outlive
