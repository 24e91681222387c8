// Secret keeps key material out of sight: it cannot be printed, streamed or compared by accident,
// and its memory is overwritten when it goes away.
//
//   LinkKey key{.id = "2026-01", .secret = outlive::Secret(bytes)};
//
// What the caller read the bytes into (a file's buffer, an environment variable) stays the caller's
// to clear.
//
// Thread-safety: as a std::string.
#ifndef OUTLIVE_CORE_SECRET_H_
#define OUTLIVE_CORE_SECRET_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace outlive {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : size_(bytes.size()) {
    if (size_ == 0) return;
    bytes_ = std::make_unique<char[]>(size_);
    std::memcpy(bytes_.get(), bytes.data(), size_);
  }

  Secret(const Secret& other) : Secret(other.Reveal()) {}
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() { Wipe(bytes_.get(), size_); }

  bool operator==(const Secret&) const = delete;  // Its time would depend on the bytes.

  // The bytes themselves, valid while the secret lives. Named so that every use can be searched
  // for.
  std::string_view Reveal() const { return {bytes_.get(), size_}; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Overwrites memory in a way that the compiler may not leave out.
  static void Wipe(char* bytes, std::size_t size) {
    volatile char* const each = bytes;
    for (std::size_t i = 0; i < size; ++i) each[i] = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_SECRET_H_
