#include "outlive/core/idempotency.h"

#include <fmt/format.h>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

namespace {

using outlive::ArgsFingerprint;
using outlive::Fingerprint;
using outlive::KeyFingerprint;

std::string Hex(const Fingerprint& fingerprint) {
  std::string text;
  for (const std::uint8_t byte : fingerprint) text += fmt::format("{:02x}", byte);
  return text;
}

// Made by another program (SHA-1 of the name space, the kind, a NUL and the key). They are in the
// databases of hosts: a change here would forget every key.
TEST_CASE("fingerprints of keys never change") {
  CHECK(Hex(KeyFingerprint("invoice.send", "invoice-42")) == "3761a0e9de75558fab8d4f5d00866a9d");
  CHECK(Hex(KeyFingerprint("a", "")) == "4e2311a86c09587cac02962a619eddc1");
  CHECK(Hex(KeyFingerprint("a", "b")) == "3df23c8337175d57b7e3f0836f3d54ad");
  CHECK(Hex(KeyFingerprint("ab", "")) == "978c0b973d785fa482234c6cb724a13a");
  CHECK(Hex(KeyFingerprint("k", "clé 🦉")) == "7002019527345ea9b4d0b3a52e07187e");
  CHECK(Hex(KeyFingerprint("k", std::string(512, '\xFF'))) == "11ecf77cbbc05200bfd4b2c672142b7c");
}

TEST_CASE("fingerprints of arguments never change") {
  CHECK(Hex(ArgsFingerprint("")) == "9c6db03fe8865948beb4f9be2b930154");
  CHECK(Hex(ArgsFingerprint("{}")) == "b5d6b054026459cc9ba86ff614c69df5");
  CHECK(Hex(ArgsFingerprint(R"({"invoice_id":42,"recipient":"ann@example.com"})")) ==
        "c9c20e625a0456b8a369975ce9418ad2");
  CHECK(Hex(ArgsFingerprint(std::string_view("\0\xFF", 2))) == "045b9e75c5cf50ecb5ea9df1f7767bac");
  CHECK(Hex(ArgsFingerprint(std::string(1 << 20, 'x'))) == "bc7cdc52946957f5a78fce9452e6c169");
}

TEST_CASE("a fingerprint is a version 5 UUID") {
  for (const Fingerprint& fingerprint : {KeyFingerprint("kind", "key"), ArgsFingerprint("args")}) {
    CHECK((fingerprint[6] & 0xF0) == 0x50);
    CHECK((fingerprint[8] & 0xC0) == 0x80);
  }
}

TEST_CASE("kind and key cannot be mistaken for one another, nor a key for arguments") {
  const std::set<Fingerprint> distinct = {
      KeyFingerprint("ab", "c"), KeyFingerprint("a", "bc"),
      KeyFingerprint("abc", ""), KeyFingerprint("a", "b/c"),
      ArgsFingerprint("ab"),     ArgsFingerprint(std::string_view("ab\0c", 4)),
  };
  CHECK(distinct.size() == 6);
}

}  // namespace
