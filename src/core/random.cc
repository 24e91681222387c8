#include "outlive/core/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace outlive {

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
