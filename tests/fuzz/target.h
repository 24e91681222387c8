// What fuzz targets are written with. A target takes any bytes and must come back; what must hold
// for all of them it says with Require(), which ends the program where it does not.
//
// The same targets run in two ways: under libFuzzer (libfuzzer.cc, tools/fuzz), which makes inputs
// up, and in an ordinary build (main.cc), where CTest replays the inputs in tests/fuzz/corpus.
#ifndef OUTLIVE_TESTS_FUZZ_TARGET_H_
#define OUTLIVE_TESTS_FUZZ_TARGET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace outlive::fuzz {

inline void Require(bool holds, const char* what,
                    const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), what);
  std::abort();
}

// Takes values off the front of an input. What is not there any more is zero, or empty.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  std::uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

  // Below `bound`, which is 1 to 256.
  std::size_t Below(std::size_t bound) { return Byte() % bound; }

  std::int64_t Int64() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = (value << 8) | Byte();
    return static_cast<std::int64_t>(value);
  }

  std::string_view Bytes(std::size_t size) {
    const std::string_view taken = bytes_.substr(0, std::min(size, bytes_.size()));
    bytes_.remove_prefix(taken.size());
    return taken;
  }

  // Up to the next line feed, which is taken too.
  std::string_view Line() {
    const std::string_view line = bytes_.substr(0, bytes_.find('\n'));
    bytes_.remove_prefix(std::min(line.size() + 1, bytes_.size()));
    return line;
  }

  std::string_view Rest() { return Bytes(bytes_.size()); }

 private:
  std::string_view bytes_;
};

}  // namespace outlive::fuzz

#endif  // OUTLIVE_TESTS_FUZZ_TARGET_H_
