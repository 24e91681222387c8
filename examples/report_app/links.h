// Links to the documents that reports have become. Signed and good for a while, so that a link in a
// mail works where nobody has the user's cookie, and is worth nothing later.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the clock outlives it.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_LINKS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_LINKS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "outlive/artifact/signed_link.h"
#include "outlive/core/clock.h"

namespace report_app {

struct SignedPath {
  std::string path;  // "/artifacts/…?exp=…".
  absl::Time expires_at;
};

class Links {
 public:
  // Links live for `ttl`: more than 0, at most outlive::LinkSigner::kTtlMax.
  Links(outlive::LinkSigner signer, const outlive::Clock& clock, absl::Duration ttl);

  // For the page: worth something only with the cookie of `user`.
  absl::StatusOr<SignedPath> ForUser(std::string_view artifact_id, std::string_view user) const;

  // For a mail: whoever has it may download.
  absl::StatusOr<SignedPath> ForAnybody(std::string_view artifact_id) const;

  // OK where one of the above has made the link, for this user or for anybody. Else
  // kPermissionDenied, which never says why.
  absl::Status Verify(std::string_view artifact_id, std::string_view query,
                      std::string_view user) const;

 private:
  absl::StatusOr<SignedPath> Make(std::string_view artifact_id, std::string_view audience) const;

  outlive::LinkSigner signer_;
  const outlive::Clock& clock_;
  const absl::Duration ttl_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_LINKS_H_
