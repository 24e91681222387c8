#include <algorithm>

#include "http/text.h"
#include "outlive/http/download.h"
#include "outlive/http/headers.h"

namespace outlive::http {

RangeChoice ChooseRange(std::string_view range_header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes";
  const std::size_t equals = range_header.find('=');
  const bool is_bytes =
      equals != std::string_view::npos && EqualsIgnoringCase(range_header.substr(0, equals), kUnit);
  if (!is_bytes) return {};
  const std::string_view spec = TrimBlanks(range_header.substr(equals + 1));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return {};
  // A comma, for several ranges, is not a digit either.
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);
  const auto first = ParseDigits(from);
  const auto last = ParseDigits(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (!first && !last)) return {};

  if (!first) {  // The last so many bytes.
    if (*last == 0 || size == 0) return {RangeKind::kUnsatisfiable, {}};
    return {RangeKind::kPart, {size - std::min(*last, size), size - 1}};
  }
  if (last && *last < *first) return {};
  if (*first >= size) return {RangeKind::kUnsatisfiable, {}};
  return {RangeKind::kPart, {*first, std::min(last.value_or(size - 1), size - 1)}};
}

}  // namespace outlive::http
