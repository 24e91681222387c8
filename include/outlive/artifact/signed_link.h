// LinkSigner makes links that are worth something for a while: whoever has one may download one
// artifact until it expires. The server keeps no list of them.
//
//   Sign(id, expires_at, now) ──► "exp=…&kid=…&sig=…" ──► link in a mail ──► Verify(id, query, now)
//
// The signature is an HMAC-SHA256 over version, purpose, artifact, expiry, key id and audience,
// each with its length in front, under a key derived from the secret for this purpose only. There
// is nothing in a link to choose an algorithm with.
//
// The first key signs, every key verifies: to rotate, put the new key in front, and take the old
// one out once its links have expired. Taking a key out revokes all links it has signed.
//
// Thread-safety: may be used from many threads at once.
// Time:          an argument; whole seconds.
// Errors:        Verify() refuses with one kPermissionDenied, always the same, so that an attacker
//                learns nothing from it.
#ifndef OUTLIVE_ARTIFACT_SIGNED_LINK_H_
#define OUTLIVE_ARTIFACT_SIGNED_LINK_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/secret.h"

namespace outlive {

struct LinkKey {
  std::string id = {};  // Seen in links: `[A-Za-z0-9._-]{1,64}`.
  Secret secret = {};   // At least 32 random bytes, used for nothing else.
};

struct LinkSignerOptions {
  // One to sixteen, with distinct ids. The first signs.
  std::vector<LinkKey> keys = {};

  // What the links are for. Links of one purpose are worth nothing for another, even under the same
  // keys. 1 to 64 bytes.
  std::string purpose = "artifact";
};

class LinkSigner {
 public:
  // No link lives longer: a key that was taken out is needed no more after this.
  static constexpr absl::Duration kTtlMax = absl::Hours(24 * 7);

  // Errors: kInvalidArgument, naming every fault.
  static absl::StatusOr<LinkSigner> Create(const LinkSignerOptions& options);

  // The query string of a link to this artifact: `exp=…&kid=…&sig=…`, which needs no escaping.
  // Good until `expires_at`, in whole seconds, rounded down. `audience` is who may use it, in the
  // host's own words (a user's id); whoever verifies has to know it too. Empty: whoever has it.
  //
  // Errors: kInvalidArgument: the id is empty, or `expires_at` is not after `now` or more than
  // kTtlMax after it.
  absl::StatusOr<std::string> Sign(std::string_view artifact_id, absl::Time expires_at,
                                   absl::Time now, std::string_view audience = {}) const;

  // OK where Sign() has made `query`, exactly as it is, for this artifact and audience, with a key
  // that is still here, and it has not expired. `query` is what follows the question mark, as it
  // came; parameters that are missing, repeated or unknown are refused.
  absl::Status Verify(std::string_view artifact_id, std::string_view query, absl::Time now,
                      std::string_view audience = {}) const;

 private:
  explicit LinkSigner(std::vector<LinkKey> keys, std::string purpose)
      : keys_(std::move(keys)), purpose_(std::move(purpose)) {}

  std::string Signature(const LinkKey& key, std::string_view artifact_id, std::string_view expiry,
                        std::string_view audience) const;

  std::vector<LinkKey> keys_;  // With derived secrets.
  std::string purpose_;
};

}  // namespace outlive

#endif  // OUTLIVE_ARTIFACT_SIGNED_LINK_H_
