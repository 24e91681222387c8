#include "outlive/testing/seeded_random.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <set>
#include <string>

using outlive::testing::SeededRandom;

TEST_CASE("a seed gives the same numbers for ever") {
  // SplitMix64's published sequence for the seed 1234567.
  SeededRandom random(1234567);
  CHECK(random.Next() == 6457827717110365317u);
  CHECK(random.Next() == 3203168211198807973u);
  CHECK(random.Next() == 9817491932198370423u);
}

TEST_CASE("a seeded source fills bytes from its numbers, lowest byte first") {
  SeededRandom numbers(7);
  SeededRandom bytes(7);
  const std::uint64_t first = numbers.Next();
  const std::uint64_t second = numbers.Next();

  std::array<unsigned char, 10> filled = {};
  bytes.Fill(filled.data(), filled.size());
  for (int i = 0; i < 8; ++i) {
    CHECK(filled[i] == static_cast<unsigned char>(first >> (8 * i)));
  }
  CHECK(filled[8] == static_cast<unsigned char>(second));
  CHECK(filled[9] == static_cast<unsigned char>(second >> 8));
  CHECK(bytes.Next() == numbers.Next());
}

TEST_CASE("filling nothing takes nothing") {
  SeededRandom one(1);
  SeededRandom two(1);
  one.Fill(nullptr, 0);
  CHECK(one.Next() == two.Next());
}

TEST_CASE("different seeds give different numbers") {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 100; ++seed) firsts.insert(SeededRandom(seed).Next());
  CHECK(firsts.size() == 100);
  CHECK(outlive::RandomHex(*std::make_unique<SeededRandom>(1), 16) !=
        outlive::RandomHex(*std::make_unique<SeededRandom>(2), 16));
}

TEST_CASE("numbers below a bound reach every value and stay below") {
  SeededRandom random(3);
  std::array<int, 5> counts = {};
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t number = random.Below(5);
    REQUIRE(number < 5);
    ++counts[number];
  }
  for (const int count : counts) {
    CHECK(count > 800);
    CHECK(count < 1'200);
  }
  CHECK(random.Below(1) == 0);
  CHECK(random.OneIn(1));
}
