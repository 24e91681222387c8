// A running SHA-256, by OpenSSL.
#ifndef OUTLIVE_SRC_ARTIFACT_SHA256_H_
#define OUTLIVE_SRC_ARTIFACT_SHA256_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace outlive::internal {

class Sha256 {
 public:
  Sha256();
  ~Sha256();

  void Update(std::string_view bytes);

  // 64 hexadecimal digits. Once. kInternal where OpenSSL has failed.
  absl::StatusOr<std::string> Final();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  bool ok_ = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ARTIFACT_SHA256_H_
