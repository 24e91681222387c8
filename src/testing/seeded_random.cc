#include "outlive/testing/seeded_random.h"

namespace outlive::testing {

void SeededRandom::Fill(void* bytes, std::size_t size) {
  auto* const out = static_cast<unsigned char*>(bytes);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) word = Next();
    out[i] = static_cast<unsigned char>(word & 0xFF);
    word >>= 8;
  }
}

// A counter that steps by the golden ratio of 2^64, and a finaliser that mixes it.
std::uint64_t SeededRandom::Next() {
  std::uint64_t mixed = 0;
  {
    MutexLock lock(mutex_);
    state_ += 0x9E3779B97F4A7C15;
    mixed = state_;
  }
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

std::uint64_t SeededRandom::Below(std::uint64_t bound) {
  // Numbers above the last whole multiple of `bound` would favour the small ones.
  const std::uint64_t rest = (~bound + 1) % bound;  // 2^64 mod bound.
  std::uint64_t number = Next();
  while (number < rest) number = Next();
  return number % bound;
}

}  // namespace outlive::testing
