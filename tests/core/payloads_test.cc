#include "outlive/core/payloads.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using outlive::FollowUp;
using outlive::KeptPayload;
using outlive::PayloadField;
using outlive::Payloads;
using outlive::ReadSealed;
using outlive::SealedHead;

TEST_CASE("the head of a sealed payload is never written in another way") {
  CHECK(SealedHead("2026-07") ==
        "outlive-sealed-1\x07"
        "2026-07");
  const std::string bytes = SealedHead("2026-07") + "body";
  const auto sealed = ReadSealed(bytes);
  REQUIRE(sealed.has_value());
  CHECK(sealed->key_id == "2026-07");
  CHECK(sealed->body == "body");
  const std::string longest(64, 'k');
  CHECK(ReadSealed(SealedHead(longest))->key_id == longest);
  CHECK(ReadSealed(SealedHead(longest))->body.empty());
}

TEST_CASE("what has no mark was never sealed, and a head that is cut off has no key") {
  const std::string head = SealedHead("k1");
  for (std::size_t size = 0; size < head.size(); ++size) {
    CAPTURE(size);
    const std::string start = head.substr(0, size);
    const auto sealed = ReadSealed(start);
    CHECK(sealed.has_value() == (size >= 16));
    if (sealed) CHECK(sealed->key_id.empty());
    if (sealed) CHECK(sealed->body.empty());
  }
  CHECK_FALSE(ReadSealed("{}").has_value());
  CHECK_FALSE(ReadSealed(" " + head).has_value());
  // A length that no id has.
  CHECK(ReadSealed(head.substr(0, 16) + std::string(1, '\0') + "k1body")->key_id.empty());
  CHECK(ReadSealed(head.substr(0, 16) + "\x41" + std::string(100, 'k'))->key_id.empty());
  CHECK(ReadSealed(head.substr(0, 16) + "\xff" + std::string(300, 'k'))->key_id.empty());
}

TEST_CASE("without a cipher payloads are kept as they are, without a copy") {
  const Payloads payloads(nullptr, "store");
  CHECK_FALSE(payloads.sealing());
  const std::string args = "{}";
  const absl::StatusOr<KeptPayload> kept = payloads.Keep(1, PayloadField::kArgs, args);
  REQUIRE(kept.ok());
  CHECK(kept->bytes().data() == args.data());
  std::string bytes = "\xff";
  CHECK(payloads.Open(1, PayloadField::kArgs, bytes).ok());
  CHECK(bytes == "\xff");
  CHECK(payloads.ArgsFingerprint({}, args).value() == outlive::ArgsFingerprint(args));
  CHECK(payloads.IsArgsFingerprint(outlive::ArgsFingerprint(args), {}, args));
  CHECK_FALSE(payloads.IsArgsFingerprint(outlive::ArgsFingerprint("other"), {}, args));
}

TEST_CASE("without a cipher what is sealed is not handed out, and the key is named on one line") {
  const Payloads payloads(nullptr, "store");
  std::string bytes = SealedHead("k\n1") + "body";
  const absl::Status status = payloads.Open(1, PayloadField::kCheckpoint, bytes);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(status.message() ==
        "the job's checkpoint cannot be opened: it is sealed with key \"k\\x0a1\", and the store "
        "was opened without a cipher");
  CHECK(bytes.empty());
}

TEST_CASE("follow-ups are kept as the JSON they always were, and what is neither is told") {
  const Payloads payloads(nullptr, "store");
  FollowUp follow_up;
  follow_up.kind = "tell";
  follow_up.data = "ann";
  const std::vector<FollowUp> follow_ups = {follow_up};
  const std::string kept = payloads.KeepFollowUps(1, follow_ups).value();
  CHECK(kept == outlive::EncodeFollowUps(follow_ups));
  CHECK(payloads.OpenFollowUps(1, kept).value() == follow_ups);
  for (const std::string& text : {std::string(), std::string("[{"), std::string("[1]"),
                                  std::string("*"), std::string("AAAA")}) {
    CAPTURE(text);
    CHECK(absl::IsDataLoss(payloads.OpenFollowUps(1, text).status()));
  }
  // Base64 of "outlive-sealed-1", a key, and no body.
  CHECK(absl::IsFailedPrecondition(
      payloads.OpenFollowUps(1, "b3V0bGl2ZS1zZWFsZWQtMQJrMQ==").status()));
}

TEST_CASE("every field has a name") {
  CHECK(outlive::PayloadFieldName(PayloadField::kArgs) == "arguments");
  CHECK(outlive::PayloadFieldName(PayloadField::kCheckpoint) == "checkpoint");
  CHECK(outlive::PayloadFieldName(PayloadField::kOutput) == "output");
  CHECK(outlive::PayloadFieldName(PayloadField::kFollowUps) == "follow-ups");
}

TEST_CASE("only what cannot be opened is unreadable; other trouble is the cipher's") {
  CHECK(outlive::IsUnreadable(absl::FailedPreconditionError("")));
  CHECK(outlive::IsUnreadable(absl::DataLossError("")));
  CHECK_FALSE(outlive::IsUnreadable(absl::UnavailableError("")));
  CHECK_FALSE(outlive::IsUnreadable(absl::OkStatus()));
}

}  // namespace
