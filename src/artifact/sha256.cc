#include "artifact/sha256.h"

#include <absl/strings/escaping.h>
#include <openssl/evp.h>

#include <array>

namespace outlive::internal {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  ok_ = context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
}

Sha256::~Sha256() = default;

void Sha256::Update(std::string_view bytes) {
  ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

absl::StatusOr<std::string> Sha256::Final() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned int size = 0;
  ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1;
  if (!ok_) return absl::InternalError("OpenSSL cannot compute a SHA-256");
  const std::string bytes(digest.begin(), digest.begin() + size);
  return absl::BytesToHexString(bytes);
}

}  // namespace outlive::internal
