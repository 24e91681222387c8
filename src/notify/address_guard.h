// Which addresses may be connected to: those of the public internet, and networks that the host has
// allowed. Judged where a socket is made, when every name is resolved and every spelling undone.
#ifndef OUTLIVE_SRC_NOTIFY_ADDRESS_GUARD_H_
#define OUTLIVE_SRC_NOTIFY_ADDRESS_GUARD_H_

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

struct sockaddr;

namespace outlive::internal {

// "10.0.0.0/8", "fc00::/7". Bits after the prefix must be zero.
struct Network {
  int family = 0;
  std::array<std::uint8_t, 16> address = {};  // The first four bytes for IPv4.
  int prefix_bits = 0;

  bool Contains(int other_family, const std::uint8_t* bytes) const;
};
absl::StatusOr<Network> ParseNetwork(std::string_view text);

class AddressGuard {
 public:
  explicit AddressGuard(std::vector<Network> allowed) : allowed_(std::move(allowed)) {}

  // True for an address of the public internet or of an allowed network. `address` is as long as
  // its family says.
  bool Allows(const sockaddr& address) const;

 private:
  std::vector<Network> allowed_;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_ADDRESS_GUARD_H_
