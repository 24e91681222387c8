#include "outlive/core/random.h"

#include <cstdlib>

#if defined(OUTLIVE_GETRANDOM) && __has_include(<sys/random.h>)
#include <sys/random.h>

#include <cerrno>
#else
#include <algorithm>
#include <cstring>
#include <exception>
#include <random>
#undef OUTLIVE_GETRANDOM
#endif

namespace outlive {

#if defined(OUTLIVE_GETRANDOM)
void SystemRandom::Fill(void* bytes, std::size_t size) {
  auto* next = static_cast<unsigned char*>(bytes);
  while (size > 0) {
    const ssize_t got = getrandom(next, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    next += got;
    size -= static_cast<std::size_t>(got);
  }
}
#else
void SystemRandom::Fill(void* bytes, std::size_t size) {
  auto* next = static_cast<unsigned char*>(bytes);
  try {
    std::random_device device;
    while (size > 0) {
      const std::random_device::result_type word = device();
      const std::size_t part = std::min(size, sizeof word);
      std::memcpy(next, &word, part);
      next += part;
      size -= part;
    }
  } catch (const std::exception&) {
    std::abort();
  }
}
#endif

RandomSource& SystemRandomInstance() {
  static SystemRandom random;
  return random;
}

double RandomUnit(RandomSource& random) {
  std::uint64_t bits = 0;
  random.Fill(&bits, sizeof bits);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

std::string RandomHex(RandomSource& random, std::size_t byte_count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string bytes(byte_count, '\0');
  random.Fill(bytes.data(), bytes.size());
  std::string text;
  text.reserve(2 * byte_count);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

}  // namespace outlive
