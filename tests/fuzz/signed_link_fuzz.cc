// Queries of links: what verifies is what was signed, to the last byte. A line with the artifact's
// id, one with the audience, and the query.
#include <string>
#include <string_view>

#include "outlive/artifact/signed_link.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

LinkSigner MakeSigner(const std::string& first, const std::string& second) {
  LinkSignerOptions options;
  for (const std::string& id : {first, second}) {
    options.keys.push_back({id, Secret(std::string(32, id.front()))});
  }
  return LinkSigner::Create(options).value();
}

}  // namespace

void SignedLink(std::string_view input) {
  static const LinkSigner signer = MakeSigner("new", "old");
  static const LinkSigner old_signer = MakeSigner("old", "new");
  static const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  Input in(input);
  const std::string_view artifact = in.Line();
  const std::string_view audience = in.Line();
  const std::string_view query = in.Rest();
  const absl::Status verified = signer.Verify(artifact, query, now, audience);
  if (!verified.ok()) {
    return Require(verified == absl::PermissionDeniedError("the link is not valid, or has expired"),
                   "every refusal is the same");
  }
  // All digits: the text was signed.
  const std::string digits(query.substr(4, query.find('&') - 4));
  const absl::Time expiry = absl::FromUnixSeconds(std::stoll(digits));
  Require(signer.Sign(artifact, expiry, now, audience).value() == query ||
              old_signer.Sign(artifact, expiry, now, audience).value() == query,
          "what verifies was signed");
}

}  // namespace outlive::fuzz
