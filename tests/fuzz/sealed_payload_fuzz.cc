// Sealed payloads of unknown origin: only what was sealed for the place opens. The first byte
// chooses the field, the rest is what is kept; one seed is sealed for job 7.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/payloads.h"
#include "outlive/encrypt/aes_gcm_cipher.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

constexpr const char* kStore = "0123456789abcdef0123456789abcdef";

std::unique_ptr<AesGcmCipher> MakeCipher(bool accept_plain) {
  AesGcmCipherOptions options;
  for (const char* id : {"new", "old"}) {
    options.keys.push_back({id, Secret(std::string(32, id[0]))});
  }
  options.accept_plain = accept_plain;
  return AesGcmCipher::Create(options).value();
}

}  // namespace

void SealedPayload(std::string_view input) {
  static const std::unique_ptr<AesGcmCipher> strict = MakeCipher(false);
  static const std::unique_ptr<AesGcmCipher> lenient = MakeCipher(true);
  Input in(input);
  const auto field = static_cast<PayloadField>(1 + in.Below(4));
  const std::string kept(in.Rest());
  const std::optional<outlive::SealedPayload> parts = ReadSealed(kept);

  const Payloads payloads(strict.get(), kStore);
  std::string bytes = kept;
  const absl::Status opened = payloads.Open(7, field, bytes);
  // Nobody makes up a tag of 128 bits: what opens is the seed.
  Require(!opened.ok() || bytes == "the seed", "only what was sealed opens");
  Require(opened.ok() || (IsUnreadable(opened) && bytes.empty()), "else it says so, and is gone");

  bytes = kept;
  const bool plain = Payloads(lenient.get(), kStore).Open(7, field, bytes).ok();
  Require(plain == (!parts || opened.ok()), "what was never sealed is accepted where it may be");
  bytes = kept;
  Require(Payloads(nullptr, kStore).Open(7, field, bytes).ok() == !parts,
          "without a cipher nothing sealed is handed out");

  const auto renewed = payloads.Renew(7, field, kept);
  Require(renewed.ok() || IsUnreadable(renewed.status()), "sealing anew passes over what is bad");
  static_cast<void>(payloads.OpenFollowUps(7, kept));
}

}  // namespace outlive::fuzz
