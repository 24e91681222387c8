#include "outlive/notify/webhook_signature.h"

#include <absl/strings/escaping.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using outlive::Secret;
using outlive::WebhookSigner;

Secret SecretOf(std::size_t size, char fill = 'k') {
  return Secret("whsec_" + absl::Base64Escape(std::string(size, fill)));
}

}  // namespace

TEST_CASE("the signature of the Standard's own example is right (N13)") {
  const WebhookSigner signer =
      WebhookSigner::Create({Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}).value();
  CHECK(
      signer.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})").value() ==
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("every secret signs, in order, while one replaces another (N13)") {
  const std::string first = WebhookSigner::Create({SecretOf(24)})->Sign("m", 1, "x").value();
  const std::string second = WebhookSigner::Create({SecretOf(64, 'n')})->Sign("m", 1, "x").value();
  CHECK(first != second);
  CHECK(WebhookSigner::Create({SecretOf(24), SecretOf(64, 'n')})->Sign("m", 1, "x").value() ==
        first + " " + second);
}

TEST_CASE("id, time and body all change the signature") {
  const WebhookSigner signer = WebhookSigner::Create({SecretOf(32)}).value();
  const std::string signature = signer.Sign("m", 1, "x").value();
  CHECK(signer.Sign("n", 1, "x").value() != signature);
  CHECK(signer.Sign("m", 2, "x").value() != signature);
  CHECK(signer.Sign("m", 1, "y").value() != signature);
}

TEST_CASE("an id that could run into the other fields is refused") {
  const WebhookSigner signer = WebhookSigner::Create({SecretOf(32)}).value();
  for (const std::string& id : {std::string(), std::string("a.b"), std::string("a\r\nb"),
                                std::string("a b"), std::string(129, 'a')}) {
    CHECK(absl::IsInvalidArgument(signer.Sign(id, 1, "x").status()));
  }
  CHECK(signer.Sign(std::string(128, 'a'), 1, "x").ok());
}

TEST_CASE("secrets of a wrong form are refused and never shown (N15)") {
  const std::string good = "whsec_" + absl::Base64Escape(std::string(25, 'k'));
  REQUIRE(WebhookSigner::Create({Secret(good)}).ok());
  for (const std::string& bad :
       {std::string(), std::string("canary"), std::string("whsec_"), good.substr(6),
        "whsec_" + absl::Base64Escape(std::string(23, 'k')),
        "whsec_" + absl::Base64Escape(std::string(65, 'k')), good + "=", good + "\n", " " + good,
        good.substr(0, good.size() - 1), "whsec_!!!!" + good.substr(10),
        "whsec_" + std::string(100'000, 'A')}) {
    const absl::Status status = WebhookSigner::Create({SecretOf(32), Secret(bad)}).status();
    CHECK(status ==
          absl::InvalidArgumentError(
              "webhook secrets: number 1 must be whsec_ and the base64 of 24 to 64 bytes"));
  }
  CHECK(absl::IsInvalidArgument(WebhookSigner::Create({}).status()));
  CHECK(absl::IsInvalidArgument(
      WebhookSigner::Create(std::vector<Secret>(9, SecretOf(32))).status()));
}

TEST_CASE("a new secret can be used, and is another one each time") {
  outlive::SystemRandom random;
  const Secret one = outlive::NewWebhookSecret(random);
  const Secret two = outlive::NewWebhookSecret(random);
  CHECK(WebhookSigner::Create({one, two}).ok());
  CHECK(one.Reveal() != two.Reveal());
}
