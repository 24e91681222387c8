#include "report_app/links.h"

#include <fmt/format.h>

#include <utility>

namespace report_app {

Links::Links(outlive::LinkSigner signer, const outlive::Clock& clock, absl::Duration ttl)
    : signer_(std::move(signer)), clock_(clock), ttl_(ttl) {}

absl::StatusOr<SignedPath> Links::ForUser(std::string_view artifact_id,
                                          std::string_view user) const {
  return Make(artifact_id, user);
}

absl::StatusOr<SignedPath> Links::ForAnybody(std::string_view artifact_id) const {
  return Make(artifact_id, {});
}

absl::Status Links::Verify(std::string_view artifact_id, std::string_view query,
                           std::string_view user) const {
  const absl::Time now = clock_.Now();
  const absl::Status for_anybody = signer_.Verify(artifact_id, query, now);
  if (for_anybody.ok() || user.empty()) return for_anybody;
  return signer_.Verify(artifact_id, query, now, user);
}

absl::StatusOr<SignedPath> Links::Make(std::string_view artifact_id,
                                       std::string_view audience) const {
  const absl::Time now = clock_.Now();
  const absl::StatusOr<std::string> query = signer_.Sign(artifact_id, now + ttl_, now, audience);
  if (!query.ok()) return query.status();
  return SignedPath{.path = fmt::format("/artifacts/{}?{}", artifact_id, *query),
                    .expires_at = now + ttl_};
}

}  // namespace report_app
