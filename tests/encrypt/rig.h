// What the tests of sealed stores share: keys, and stores that have them.
#ifndef OUTLIVE_TESTS_ENCRYPT_RIG_H_
#define OUTLIVE_TESTS_ENCRYPT_RIG_H_

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/encrypt/aes_gcm_cipher.h"
#include "outlive/store/sqlite_store.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::tests {

inline const std::vector<std::string> kOld = {"old"};
inline const std::vector<std::string> kBoth = {"new", "old"};
inline const std::vector<std::string> kNew = {"new"};

// Keys of these names, the first of which seals.
inline std::unique_ptr<AesGcmCipher> MakeCipher(const std::vector<std::string>& names,
                                                bool accept_plain = false) {
  AesGcmCipherOptions options;
  for (const std::string& name : names) {
    options.keys.push_back({name, Secret(std::string(32, name.front()))});
  }
  options.accept_plain = accept_plain;
  absl::StatusOr<std::unique_ptr<AesGcmCipher>> cipher = AesGcmCipher::Create(options);
  REQUIRE_MESSAGE(cipher.ok(), cipher.status().ToString());
  return *std::move(cipher);
}

// A store with a cipher of its own. No names: without one.
struct SealedStore {
  explicit SealedStore(const std::string& path, const std::vector<std::string>& names = kNew,
                       bool accept_plain = false)
      : cipher(names.empty() ? nullptr : MakeCipher(names, accept_plain)),
        store(testing::OpenStore(path, {.cipher = cipher.get(), .watch = false})) {}

  const std::unique_ptr<AesGcmCipher> cipher;
  const std::unique_ptr<SqliteStore> store;
};

// How many jobs have arguments that are sealed with the key of this name.
inline std::int64_t CountSealedWith(const std::string& path, const std::string& name) {
  const testing::HostConnection host(path);
  return host.Number("SELECT count(*) FROM outlive_job WHERE substr(args, 1, " +
                     std::to_string(17 + name.size()) + ") = CAST('outlive-sealed-1' || char(" +
                     std::to_string(name.size()) + ") || '" + name + "' AS BLOB)");
}

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ENCRYPT_RIG_H_
