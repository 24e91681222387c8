// RandomSource is where randomness comes from: jitter, session ids, artifact ids. An argument like
// the clock, so that a simulation can be repeated from its seed.
//
// Thread-safety: a RandomSource may be used from many threads at once.
// Lifetime:      it outlives everything it was given to.
#ifndef OUTLIVE_CORE_RANDOM_H_
#define OUTLIVE_CORE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace outlive {

class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // Fills `size` bytes at `bytes`.
  virtual void Fill(void* bytes, std::size_t size) = 0;
};

// The kernel's generator, fit for ids that must not be guessed: getrandom(), else what the standard
// library has. Ends the program if there is no randomness to be had, because nothing safe can be
// done then.
class SystemRandom final : public RandomSource {
 public:
  void Fill(void* bytes, std::size_t size) override;
};

// What an options struct means by a null random source: one SystemRandom, which has no state.
RandomSource& SystemRandomInstance();

// Uniform in [0, 1), with 53 random bits.
double RandomUnit(RandomSource& random);

// `byte_count` random bytes as lower-case hexadecimal digits.
std::string RandomHex(RandomSource& random, std::size_t byte_count);

}  // namespace outlive

#endif  // OUTLIVE_CORE_RANDOM_H_
