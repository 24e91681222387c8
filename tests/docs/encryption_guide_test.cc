// The code that docs/guides/encryption.md shows, compiled and run. tests/docs/guides_test.py
// compares every block of the guide with this file.
#include <doctest/doctest.h>
#include <outlive/encrypt/aes_gcm_cipher.h>

#include <memory>
#include <string>

#include "outlive/outlive.h"
#include "tests/store/sqlite_folder.h"

namespace {

// Opens the store and seals all of it with the first key; how many jobs were sealed anew.
int Rotate(const std::string& path, const std::string& bytes, const std::string& older) {
  absl::StatusOr<std::unique_ptr<outlive::AesGcmCipher>> cipher = absl::UnknownError("not made");
  if (older.empty()) {
    cipher = outlive::AesGcmCipher::Create({.keys = {{"2026-01", outlive::Secret(bytes)}}});
  } else {
    cipher = outlive::AesGcmCipher::Create(
        {.keys = {{"2026-07", outlive::Secret(bytes)}, {"2026-01", outlive::Secret(older)}}});
  }
  REQUIRE(cipher.ok());
  auto store = outlive::SqliteStore::Open(path, {.cipher = cipher->get()}).value();
  outlive::Client client(*store);
  REQUIRE(client.EnqueueRaw("mail.send", "{}").ok());
  int renewed = 0;
  const auto reencrypt = [&]() -> absl::Status {
    outlive::ReencryptRequest request{.after = 0, .job_count_max = 500};
    while (true) {
      absl::StatusOr<outlive::ReencryptResult> result = client.Reencrypt(request);
      if (!result.ok()) return result.status();
      renewed += result->renewed_count;
      if (!result->more) return absl::OkStatus();
      request.after = result->last;
    }
  };
  REQUIRE(reencrypt().ok());
  return renewed;
}

TEST_CASE("guide: jobs are sealed, and their key is changed") {
  const outlive::testing::SqliteFolder folder;
  const std::string old_secret(32, 'o');
  CHECK(Rotate(folder.File(), old_secret, "") == 0);
  CHECK(Rotate(folder.File(), std::string(32, 'n'), old_secret) == 1);
}

}  // namespace
