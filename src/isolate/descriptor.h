// A file descriptor that closes itself.
#ifndef OUTLIVE_SRC_ISOLATE_DESCRIPTOR_H_
#define OUTLIVE_SRC_ISOLATE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace outlive::isolate {

class Descriptor {
 public:
  Descriptor() = default;  // None.
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }

  // −1: none.
  int get() const { return descriptor_; }

  void Close() {
    if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_DESCRIPTOR_H_
