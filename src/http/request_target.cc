#include "http/request_target.h"

#include <algorithm>
#include <utility>

#include "core/utf8.h"
#include "http/authority.h"
#include "http/text.h"

namespace outlive::http {
namespace {

constexpr std::size_t kQueryParameterCountMax = 256;

// One segment of the path. Empty: refused.
std::optional<std::string> DecodeSegment(std::string_view raw) {
  std::optional<std::string> segment = PercentDecode(raw);
  if (!segment || !outlive::internal::IsUtf8(*segment)) return std::nullopt;
  if (*segment == "." || *segment == "..") return std::nullopt;
  const bool refused = std::any_of(segment->begin(), segment->end(),
                                   [](char c) { return IsControl(c) || c == '/' || c == '\\'; });
  if (refused) return std::nullopt;
  return segment;
}

// `raw` starts with '/'.
std::optional<std::string> DecodePath(std::string_view raw) {
  std::string path;
  while (!raw.empty()) {
    raw.remove_prefix(1);
    const std::size_t end = std::min(raw.find('/'), raw.size());
    const std::optional<std::string> segment = DecodeSegment(raw.substr(0, end));
    if (!segment) return std::nullopt;
    path += '/';
    path += *segment;
    raw.remove_prefix(end);
  }
  return path;
}

// A name or a value of a query, as a form encodes it.
std::optional<std::string> DecodeFormText(std::string_view raw) {
  std::string spaced(raw);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  std::optional<std::string> text = PercentDecode(spaced);
  if (!text || !outlive::internal::IsUtf8(*text)) return std::nullopt;
  if (text->find('\0') != std::string::npos) return std::nullopt;
  return text;
}

std::optional<std::vector<QueryParameter>> DecodeQuery(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = DecodeFormText(pair.substr(0, equals));
    std::optional<std::string> value =
        DecodeFormText(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || parameters.size() == kQueryParameterCountMax) return std::nullopt;
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

// Takes `http://authority` off an absolute target. False: malformed.
bool TakeAuthority(std::string_view& target, std::string& authority) {
  constexpr std::string_view kSchemeEnd = "://";
  const std::size_t scheme = target.find(kSchemeEnd);
  if (scheme == std::string_view::npos) return false;
  const std::string_view name = target.substr(0, scheme);
  if (!EqualsIgnoringCase(name, "http") && !EqualsIgnoringCase(name, "https")) return false;
  target.remove_prefix(scheme + kSchemeEnd.size());
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  authority = target.substr(0, end);
  target.remove_prefix(end);
  const std::optional<Authority> parsed = ParseAuthority(authority);
  return parsed.has_value() && !parsed->host.empty();
}

HttpError Malformed() { return {400, "The target of the request is malformed."}; }

}  // namespace

std::variant<RequestTarget, HttpError> ParseTarget(Method method, std::string_view target) {
  RequestTarget parsed;
  if (target == "*") {
    if (method != Method::kOptions) return Malformed();
    parsed.path = "*";
    return parsed;
  }
  if (target.find('#') != std::string_view::npos) return Malformed();
  if (!target.starts_with('/') && !TakeAuthority(target, parsed.authority)) return Malformed();

  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view raw_path = target.substr(0, mark);
  parsed.query = target.substr(std::min(mark + 1, target.size()));
  std::optional<std::string> path = DecodePath(raw_path.empty() ? "/" : raw_path);
  if (!path) return Malformed();
  std::optional<std::vector<QueryParameter>> parameters = DecodeQuery(parsed.query);
  if (!parameters) return HttpError{400, "The query of the request is malformed."};
  parsed.path = *std::move(path);
  parsed.query_parameters = *std::move(parameters);
  return parsed;
}

}  // namespace outlive::http
