#include "notify/address_guard.h"

#include <absl/strings/numbers.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace outlive::internal {
namespace {

// IANA's registry of special IPv4 addresses, and what is not unicast.
constexpr std::string_view kRefused4[] = {
    "0.0.0.0/8",        // This network.
    "10.0.0.0/8",       // Private.
    "100.64.0.0/10",    // Behind a carrier's NAT.
    "127.0.0.0/8",      // Loopback.
    "169.254.0.0/16",   // Link-local: metadata of clouds.
    "172.16.0.0/12",    // Private.
    "192.0.0.0/24",     // Protocol assignments.
    "192.0.2.0/24",     // Documentation.
    "192.88.99.0/24",   // 6to4 relays.
    "192.168.0.0/16",   // Private.
    "198.18.0.0/15",    // Benchmarks.
    "198.51.100.0/24",  // Documentation.
    "203.0.113.0/24",   // Documentation.
    "224.0.0.0/4",      // Multicast.
    "240.0.0.0/4",      // Reserved, and broadcast.
};

// Of IPv6 only 2000::/3 is public; within it these are not, or hold an IPv4 address that would
// have to be judged again. Everything that maps IPv4 elsewhere (::ffff:0:0/96, 64:ff9b::/96) is
// outside of 2000::/3, as loopback, link-local, unique local and multicast are.
constexpr std::string_view kPublic6 = "2000::/3";
constexpr std::string_view kRefused6[] = {
    "2001::/23",      // Protocol assignments, Teredo.
    "2001:db8::/32",  // Documentation.
    "2002::/16",      // 6to4.
    "3fff::/20",      // Documentation.
};

template <class Texts>
std::vector<Network> ParseAll(const Texts& texts) {
  std::vector<Network> networks;
  for (const std::string_view text : texts) networks.push_back(ParseNetwork(text).value());
  return networks;
}

bool AnyContains(const std::vector<Network>& networks, int family, const std::uint8_t* bytes) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.Contains(family, bytes); });
}

bool IsPublic(int family, const std::uint8_t* bytes) {
  static const auto& refused4 = *new std::vector<Network>(ParseAll(kRefused4));
  static const auto& refused6 = *new std::vector<Network>(ParseAll(kRefused6));
  static const Network public6 = ParseNetwork(kPublic6).value();
  if (family == AF_INET) return !AnyContains(refused4, family, bytes);
  return public6.Contains(family, bytes) && !AnyContains(refused6, family, bytes);
}

}  // namespace

bool Network::Contains(int other_family, const std::uint8_t* bytes) const {
  if (other_family != family) return false;
  const int whole = prefix_bits / 8;
  if (std::memcmp(bytes, address.data(), static_cast<std::size_t>(whole)) != 0) return false;
  if (prefix_bits % 8 == 0) return true;
  const int mask = 0xFF00 >> (prefix_bits % 8) & 0xFF;
  const auto index = static_cast<std::size_t>(whole);
  return (bytes[index] & mask) == (address[index] & mask);
}

absl::StatusOr<Network> ParseNetwork(std::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      fmt::format("\"{}\" is not a network such as 10.0.0.0/8", text.substr(0, 64)));
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.size() > 64) return bad;
  const std::string host(text.substr(0, slash));
  const std::string_view bits = text.substr(slash + 1);
  Network network;
  network.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const int bits_max = network.family == AF_INET ? 32 : 128;
  if (inet_pton(network.family, host.c_str(), network.address.data()) != 1 || bits.empty() ||
      bits.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(absl::string_view(bits.data(), bits.size()), &network.prefix_bits) ||
      network.prefix_bits > bits_max) {
    return bad;
  }
  for (int bit = network.prefix_bits; bit < bits_max; ++bit) {
    if ((network.address[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0) return bad;
  }
  return network;
}

bool AddressGuard::Allows(const sockaddr& address) const {
  const std::uint8_t* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    bytes = reinterpret_cast<const std::uint8_t*>(&v4.sin_addr);
  } else if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    bytes = reinterpret_cast<const std::uint8_t*>(&v6.sin6_addr);
  } else {
    return false;
  }
  return AnyContains(allowed_, address.sa_family, bytes) || IsPublic(address.sa_family, bytes);
}

}  // namespace outlive::internal
