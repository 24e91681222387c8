#include "outlive/core/random.h"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>

namespace {

// Fills with one byte.
class ConstantRandom final : public outlive::RandomSource {
 public:
  explicit ConstantRandom(unsigned char byte) : byte_(byte) {}
  void Fill(void* bytes, std::size_t size) override { std::memset(bytes, byte_, size); }

 private:
  const unsigned char byte_;
};

TEST_CASE("the kernel's bytes fill all of what they are asked for, and no more") {
  outlive::SystemRandom random;
  // More than getrandom() gives at once when it is interrupted.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{33}, std::size_t{4096}, std::size_t{1} << 20}) {
    std::string bytes(size + 2, '!');
    random.Fill(bytes.data() + 1, size);
    CHECK(bytes.front() == '!');
    CHECK(bytes.back() == '!');
    // Of random bytes, a run of 32 equal ones does not happen.
    CHECK(bytes.find(std::string(32, '!')) == std::string::npos);
    CHECK(bytes.find(std::string(32, '\0')) == std::string::npos);
  }
}

TEST_CASE("two draws differ") {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    seen.insert(outlive::RandomHex(outlive::SystemRandomInstance(), 16));
  }
  CHECK(seen.size() == 1'000);
}

TEST_CASE("a unit number is in [0, 1)") {
  ConstantRandom zeros(0x00);
  ConstantRandom ones(0xFF);
  CHECK(outlive::RandomUnit(zeros) == 0.0);
  CHECK(outlive::RandomUnit(ones) == 1.0 - 0x1p-53);
  outlive::SystemRandom random;
  double smallest = 1;
  double largest = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = outlive::RandomUnit(random);
    REQUIRE(unit >= 0);
    REQUIRE(unit < 1);
    smallest = std::min(smallest, unit);
    largest = std::max(largest, unit);
  }
  CHECK(smallest < 0.01);
  CHECK(largest > 0.99);
}

TEST_CASE("hexadecimal digits are lower case, two for each byte") {
  ConstantRandom random(0xA7);
  CHECK(outlive::RandomHex(random, 0) == "");
  CHECK(outlive::RandomHex(random, 1) == "a7");
  CHECK(outlive::RandomHex(random, 4) == "a7a7a7a7");
  ConstantRandom low(0x0F);
  CHECK(outlive::RandomHex(low, 2) == "0f0f");
}

}  // namespace
