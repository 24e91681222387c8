#include "outlive/core/trace_context.h"

#include <fmt/format.h>

#include <algorithm>

namespace outlive {
namespace {

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(std::string_view text) {
  return IsLowerHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

bool IsTraceparent(std::string_view text) {
  return text.size() == 55 && text.substr(0, 3) == "00-" && text[35] == '-' && text[52] == '-' &&
         IsId(text.substr(3, 32)) && IsId(text.substr(36, 16)) && IsLowerHex(text.substr(53));
}

std::string ChildTraceparent(std::string_view parent, RandomSource& random) {
  if (!IsTraceparent(parent)) return {};
  std::string id;
  do {
    id = RandomHex(random, 8);
  } while (!IsId(id));
  return fmt::format("{}{}{}", parent.substr(0, 36), id, parent.substr(52));
}

}  // namespace outlive
