// The signatures of Standard Webhooks 1.0 (https://www.standardwebhooks.com): for the notifier, and
// for hosts that test their receivers.
//
//   webhook-signature: v1,<base64 of HMAC-SHA256(id.timestamp.body)> v1,<with the next secret>
//
// Thread-safety: may be used from many threads at once.
// Errors:        kInvalidArgument, which never shows a secret.
#ifndef OUTLIVE_NOTIFY_WEBHOOK_SIGNATURE_H_
#define OUTLIVE_NOTIFY_WEBHOOK_SIGNATURE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/random.h"
#include "outlive/core/secret.h"

namespace outlive {

class WebhookSigner {
 public:
  // One to eight secrets, each `whsec_` and the base64 of 24 to 64 bytes. All of them sign: while
  // a secret is being replaced, the new and the old one are given, and receivers accept either.
  static absl::StatusOr<WebhookSigner> Create(const std::vector<Secret>& secrets);

  // The value of the header `webhook-signature`. `timestamp` is in seconds since 1970. What is
  // signed must be sent byte for byte.
  //
  // Errors: `id` is not 1 to 128 of [A-Za-z0-9_-]: a dot in it would let fields run together.
  absl::StatusOr<std::string> Sign(std::string_view id, std::int64_t timestamp,
                                   std::string_view body) const;

 private:
  explicit WebhookSigner(std::vector<Secret> keys) : keys_(std::move(keys)) {}

  std::vector<Secret> keys_;  // Decoded.
};

// A new secret, `whsec_…` of 32 random bytes: one for each endpoint, given to its receiver.
Secret NewWebhookSecret(RandomSource& random);

}  // namespace outlive

#endif  // OUTLIVE_NOTIFY_WEBHOOK_SIGNATURE_H_
