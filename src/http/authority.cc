#include "http/authority.h"

#include <algorithm>

#include "http/text.h"

namespace outlive::http {
namespace {

bool IsHostCharacter(char c) {
  return IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool IsAddressCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

}  // namespace

std::optional<Authority> ParseAuthority(std::string_view text) {
  constexpr std::size_t kHostBytesMax = 255;
  Authority authority;
  if (!text.empty() && text.front() == '[') {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || bracket < 3) return std::nullopt;
    const std::string_view address = text.substr(1, bracket - 1);
    if (!std::all_of(address.begin(), address.end(), IsAddressCharacter)) return std::nullopt;
    authority.host = text.substr(0, bracket + 1);
  } else {
    authority.host = text.substr(0, text.find(':'));
    if (!std::all_of(authority.host.begin(), authority.host.end(), IsHostCharacter)) {
      return std::nullopt;
    }
  }
  if (authority.host.size() > kHostBytesMax) return std::nullopt;
  text.remove_prefix(authority.host.size());
  if (text.empty()) return authority;
  if (text.front() != ':') return std::nullopt;
  authority.port = text.substr(1);
  const bool is_port = authority.port.size() <= 5 &&
                       std::all_of(authority.port.begin(), authority.port.end(), IsDigit);
  if (!is_port) return std::nullopt;
  return authority;
}

}  // namespace outlive::http
