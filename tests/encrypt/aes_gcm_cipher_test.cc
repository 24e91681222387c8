#include "outlive/encrypt/aes_gcm_cipher.h"

#include <absl/strings/escaping.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/core/payloads.h"

namespace outlive {
namespace {

constexpr std::string_view kStore = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kPlain = R"({"to":"ann"})";

// Counts up from 0xA0, for results that can be compared. Not safe for threads.
class CountingRandom final : public RandomSource {
 public:
  void Fill(void* bytes, std::size_t size) override {
    auto* next = static_cast<unsigned char*>(bytes);
    for (std::size_t i = 0; i < size; ++i) next[i] = next_++;
  }

 private:
  unsigned char next_ = 0xA0;
};

std::string CountUp(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

using Keys = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<std::unique_ptr<AesGcmCipher>> TryMake(const Keys& keys, bool accept_plain = false,
                                                      RandomSource* random = nullptr) {
  AesGcmCipherOptions options;
  for (const auto& [id, secret] : keys) options.keys.push_back({id, Secret(secret)});
  options.accept_plain = accept_plain;
  options.random = random;
  return AesGcmCipher::Create(options);
}

std::unique_ptr<AesGcmCipher> Make(const Keys& keys, RandomSource* random = nullptr) {
  auto cipher = TryMake(keys, false, random);
  REQUIRE_MESSAGE(cipher.ok(), cipher.status().ToString());
  return *std::move(cipher);
}

const std::string kOldSecret(32, 'o');
const std::string kNewSecret(40, 'n');

PayloadPlace Place(JobId job = 7, PayloadField field = PayloadField::kArgs,
                   std::string_view store = kStore) {
  return {store, job, field};
}

std::string MustSeal(const AesGcmCipher& cipher, std::string_view plain = kPlain,
                     const PayloadPlace& place = Place()) {
  auto sealed = cipher.Seal(place, plain);
  REQUIRE_MESSAGE(sealed.ok(), sealed.status().ToString());
  return *std::move(sealed);
}

// Computed by another implementation (Node's crypto: HKDF, AES-256-GCM, HMAC) from the format in
// docs/adr/0016-payloads-sealed-by-the-store.md. What is in databases must be readable for ever.
TEST_CASE("the format never changes") {
  CountingRandom random;
  const auto cipher = Make({{"2026-07", CountUp(32)}}, &random);
  const std::string sealed = MustSeal(*cipher);
  CHECK(absl::BytesToHexString(sealed) ==
        "6f75746c6976652d7365616c65642d31"  // "outlive-sealed-1"
        "07323032362d3037"                  // "2026-07" with its length
        "a0a1a2a3a4a5a6a7a8a9aaab"          // The nonce.
        "6bf57d903b8772e5aa7135d2cef3fff72d2278db4b872f6eb04940dc");
  CHECK(cipher->Open(Place(), sealed).value() == kPlain);
  Fingerprint name;
  for (std::size_t i = 0; i < name.size(); ++i) name[i] = static_cast<std::uint8_t>(i);
  const Fingerprint fingerprint = cipher->ArgsFingerprint(name, kPlain).value();
  CHECK(absl::BytesToHexString(std::string(fingerprint.begin(), fingerprint.end())) ==
        "98c69f90209bc2183ca8133425159f7a");
}

TEST_CASE("what was sealed opens at its place, whatever the bytes") {
  const auto cipher = Make({{"new", kNewSecret}});
  for (const std::string& plain : {std::string(), std::string(1, '\0'), std::string(kPlain),
                                   CountUp(255), SealedHead("new"), std::string(3 << 20, 'x')}) {
    CAPTURE(plain.size());
    const std::string sealed = MustSeal(*cipher, plain);
    CHECK(sealed.size() == plain.size() + 16 + 1 + 3 + 12 + 16);
    CHECK(cipher->Open(Place(), sealed).value() == plain);
  }
}

TEST_CASE("what was sealed for one place does not open at another") {
  const auto cipher = Make({{"new", kNewSecret}});
  const std::string sealed = MustSeal(*cipher);
  const std::string other_store(32, 'f');
  for (const PayloadPlace& place :
       {Place(8), Place(0), Place(-7), Place(7, PayloadField::kCheckpoint),
        Place(7, PayloadField::kOutput), Place(7, PayloadField::kFollowUps),
        Place(7, PayloadField::kArgs, other_store), Place(7, PayloadField::kArgs, "")}) {
    CHECK(absl::IsDataLoss(cipher->Open(place, sealed).status()));
  }
  // Nor under another secret of the same name, or under another name of the same secret.
  CHECK(absl::IsDataLoss(Make({{"new", kOldSecret}})->Open(Place(), sealed).status()));
  std::string renamed = SealedHead("old") + sealed.substr(SealedHead("new").size());
  CHECK(absl::IsDataLoss(
      Make({{"new", kNewSecret}, {"old", kNewSecret}})->Open(Place(), renamed).status()));
}

TEST_CASE("no bit can be changed and no byte be missing or added (Z03)") {
  const auto cipher = Make({{"new", kNewSecret}});
  const std::string sealed = MustSeal(*cipher);
  for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
    CAPTURE(i);
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
    const auto opened = cipher->Open(Place(), changed);
    CHECK(IsUnreadable(opened.status()));
    CHECK(opened.status().ToString().find("ann") == std::string::npos);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    CAPTURE(size);
    CHECK(IsUnreadable(cipher->Open(Place(), sealed.substr(0, size)).status()));
  }
  CHECK(absl::IsDataLoss(cipher->Open(Place(), sealed + '\0').status()));
  CHECK(absl::IsDataLoss(cipher->Open(Place(), sealed + sealed).status()));
}

TEST_CASE("a key that is not here is named, and another time it may be") {
  const auto old = Make({{"old", kOldSecret}});
  const std::string sealed = MustSeal(*old);
  const absl::Status status = Make({{"new", kNewSecret}})->Open(Place(), sealed).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(status.message() == "it is sealed with key \"old\", which is not here");
  CHECK(Make({{"new", kNewSecret}, {"old", kOldSecret}})->Open(Place(), sealed).value() == kPlain);
  // A name from a row that somebody has changed stays on one line.
  const std::string odd = SealedHead("a\nb") + std::string(64, 'x');
  CHECK(Make({{"new", kNewSecret}})->Open(Place(), odd).status().message() ==
        "it is sealed with key \"a\\x0ab\", which is not here");
}

TEST_CASE("the first key seals, every key opens") {
  const auto both = Make({{"new", kNewSecret}, {"old", kOldSecret}});
  CHECK(both->key_id() == "new");
  const std::string sealed = MustSeal(*both);
  CHECK(ReadSealed(sealed)->key_id == "new");
  CHECK(Make({{"new", kNewSecret}})->Open(Place(), sealed).ok());
  CHECK(both->Open(Place(), MustSeal(*Make({{"old", kOldSecret}}))).value() == kPlain);
}

TEST_CASE("nothing of a payload can be seen in what was sealed, and equal ones look different") {
  const auto cipher = Make({{"new", kNewSecret}});
  const std::string first = MustSeal(*cipher);
  const std::string second = MustSeal(*cipher);
  CHECK(first != second);
  CHECK(first.substr(0, 20) == second.substr(0, 20));
  CHECK(first.substr(32) != second.substr(32));
  CHECK(first.find("ann") == std::string::npos);
  // Where a job has the nonce of another: its key is another one all the same.
  CountingRandom random;
  CountingRandom same;
  const std::string one = MustSeal(*Make({{"new", kNewSecret}}, &random), kPlain, Place(1));
  const std::string two = MustSeal(*Make({{"new", kNewSecret}}, &same), kPlain, Place(2));
  CHECK(one.substr(0, 32) == two.substr(0, 32));
  CHECK(one.substr(32, kPlain.size()) != two.substr(32, kPlain.size()));
}

TEST_CASE("nonces do not come twice, from many threads and after a fork (Z06)") {
  constexpr int kPerThread = 25'000;
  const auto cipher = Make({{"new", kNewSecret}});
  const auto nonces = [&cipher] {
    std::vector<std::string> found;
    found.reserve(kPerThread);
    for (int i = 0; i < kPerThread; ++i) {
      found.push_back(cipher->Seal(Place(), "").value().substr(20, 12));
    }
    return found;
  };
  std::array<std::vector<std::string>, 4> results;
  {
    std::vector<std::thread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = nonces(); });
    for (std::thread& thread : threads) thread.join();
  }
  std::set<std::string> seen;
  for (const auto& result : results) seen.insert(result.begin(), result.end());
  CHECK(seen.size() == results.size() * kPerThread);

  // Both sides of a fork go on from the same state.
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string sealed = cipher->Seal(Place(), kPlain).value_or("");
    const bool written =
        write(pipe_ends[1], sealed.data(), sealed.size()) == static_cast<ssize_t>(sealed.size());
    _exit(written ? 0 : 1);
  }
  const std::string ours = MustSeal(*cipher);
  std::string theirs(ours.size(), '\0');
  CHECK(read(pipe_ends[0], theirs.data(), theirs.size()) == static_cast<ssize_t>(theirs.size()));
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  CHECK(ours.substr(20, 12) != theirs.substr(20, 12));
  CHECK(cipher->Open(Place(), theirs).value() == kPlain);
}

TEST_CASE("many threads seal and open at once") {
  const auto cipher = Make({{"new", kNewSecret}, {"old", kOldSecret}});
  std::vector<std::thread> threads;
  std::array<int, 8> good{};
  for (std::size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&cipher, &count = good[i], i] {
      for (JobId job = 0; job < 200; ++job) {
        const PayloadPlace place = Place(job * 8 + static_cast<JobId>(i));
        const auto sealed = cipher->Seal(place, kPlain);
        if (sealed.ok() && cipher->Open(place, *sealed).value_or("") == kPlain) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : good) CHECK(count == 200);
}

TEST_CASE("keys recognise arguments by an HMAC, also one of an older key") {
  const auto old = Make({{"old", kOldSecret}});
  const auto both = Make({{"new", kNewSecret}, {"old", kOldSecret}});
  const auto fresh = Make({{"new", kNewSecret}});
  const Fingerprint name = KeyFingerprint("mail.send", "key");
  const Fingerprint kept = old->ArgsFingerprint(name, kPlain).value();
  CHECK(kept == old->ArgsFingerprint(name, kPlain).value());
  CHECK(kept != ArgsFingerprint(kPlain));
  CHECK(kept != both->ArgsFingerprint(name, kPlain).value());
  CHECK(old->IsArgsFingerprint(kept, name, kPlain));
  CHECK(both->IsArgsFingerprint(kept, name, kPlain));
  CHECK_FALSE(fresh->IsArgsFingerprint(kept, name, kPlain));
  CHECK_FALSE(both->IsArgsFingerprint(kept, name, "other"));
  // Equal arguments of two keys cannot be told by looking.
  const Fingerprint other = KeyFingerprint("mail.send", "another key");
  CHECK(kept != old->ArgsFingerprint(other, kPlain).value());
  CHECK_FALSE(old->IsArgsFingerprint(kept, other, kPlain));
}

TEST_CASE("what was never sealed is refused, or read where that is allowed") {
  CHECK(absl::IsFailedPrecondition(Make({{"new", kNewSecret}})->Open(Place(), kPlain).status()));
  CHECK_FALSE(Make({{"new", kNewSecret}})->accepts_plain());
  CHECK(TryMake({{"new", kNewSecret}}, true).value()->accepts_plain());
}

TEST_CASE("keys that would be unsafe are refused, all faults at once and none of the bytes shown") {
  CHECK(TryMake({}).status().message() == "cipher: there must be 1 to 16 keys");
  CHECK(TryMake({{"a", kNewSecret}, {"b c", "s3cret"}, {"a", kOldSecret}, {"", kOldSecret}})
            .status()
            .message() ==
        "cipher: the id of key 1 must be 1 to 64 of [A-Za-z0-9._-]; the secret of key 1 must have "
        "at least 32 bytes; the id of key 2 is used twice; the id of key 3 must be 1 to 64 of "
        "[A-Za-z0-9._-]");
  Keys many;
  for (int i = 0; i < 17; ++i)
    many.emplace_back(std::string(1, static_cast<char>('a' + i)), kNewSecret);
  CHECK(absl::IsInvalidArgument(TryMake(many).status()));
  many.pop_back();
  CHECK(TryMake(many).ok());
  CHECK(TryMake({{std::string(64, 'k'), kNewSecret}}).ok());
  CHECK(absl::IsInvalidArgument(TryMake({{std::string(65, 'k'), kNewSecret}}).status()));
}

}  // namespace
}  // namespace outlive
