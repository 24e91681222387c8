#include "outlive/core/idempotency.h"

#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid.hpp>
#include <string>

namespace outlive {
namespace {

// Random, made once for this purpose. Persisted in keys: never change them.
constexpr boost::uuids::uuid kKeySpace = {{0x6f, 0x1d, 0x92, 0x0b, 0x35, 0xc4, 0x4e, 0x0a, 0x9b,
                                           0x77, 0x1e, 0x5a, 0xd0, 0x83, 0x2c, 0x41}};
constexpr boost::uuids::uuid kArgsSpace = {{0xb2, 0x48, 0x0e, 0xf3, 0x7a, 0x91, 0x43, 0xd6, 0x8c,
                                            0x05, 0x64, 0xe9, 0x1f, 0xb7, 0x30, 0x5d}};

Fingerprint NameIn(const boost::uuids::uuid& space, std::string_view name) {
  const boost::uuids::name_generator_sha1 generator(space);
  const boost::uuids::uuid uuid = generator(name.data(), name.size());
  Fingerprint fingerprint;
  std::copy(uuid.begin(), uuid.end(), fingerprint.begin());
  return fingerprint;
}

}  // namespace

Fingerprint KeyFingerprint(std::string_view kind, std::string_view key) {
  // A kind has no NUL, so the pair can be read in one way only.
  std::string name;
  name.reserve(kind.size() + 1 + key.size());
  name.append(kind).push_back('\0');
  name.append(key);
  return NameIn(kKeySpace, name);
}

Fingerprint ArgsFingerprint(std::string_view args) { return NameIn(kArgsSpace, args); }

}  // namespace outlive
