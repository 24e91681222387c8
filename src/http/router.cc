#include "outlive/http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http/text.h"
#include "outlive/http/problem.h"

namespace outlive::http {
namespace {

constexpr std::array<Method, 7> kAllMethods = {Method::kGet,    Method::kHead,  Method::kPost,
                                               Method::kPut,    Method::kPatch, Method::kDelete,
                                               Method::kOptions};

// What stands between the slashes after the first one: one empty segment for "/".
std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsParameterName(std::string_view name) {
  if (name.empty() || !(name[0] >= 'a' && name[0] <= 'z')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '_'; });
}

Response WithAllow(Response response, const std::string& allow) {
  response.Set("Allow", allow);
  return response;
}

}  // namespace

absl::Status Router::ParsePattern(std::string_view pattern, std::vector<Segment>& segments) {
  const auto fault = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("the pattern {} {}", pattern, why));
  };
  if (pattern.empty() || pattern[0] != '/') return fault("does not start with '/'");
  for (const std::string_view text : Split(pattern)) {
    if (text.find_first_of("{}") == std::string_view::npos) {
      segments.push_back({false, std::string(text)});
      continue;
    }
    const bool is_name = text.size() > 2 && text.front() == '{' && text.back() == '}' &&
                         IsParameterName(text.substr(1, text.size() - 2));
    if (!is_name) return fault("has a segment that is neither text nor {name}");
    Segment segment{true, std::string(text.substr(1, text.size() - 2))};
    for (const Segment& other : segments) {
      if (other.is_name && other.text == segment.text) return fault("has a name twice");
    }
    segments.push_back(std::move(segment));
  }
  return absl::OkStatus();
}

bool Router::SameShape(const std::vector<Segment>& a, const std::vector<Segment>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Segment& x, const Segment& y) {
    return x.is_name == y.is_name && (x.is_name || x.text == y.text);
  });
}

absl::Status Router::Add(Method method, std::string_view pattern, Handler handler) {
  if (!handler) return absl::InvalidArgumentError(fmt::format("{} has no handler", pattern));
  std::vector<Segment> segments;
  absl::Status parsed = ParsePattern(pattern, segments);
  if (!parsed.ok()) return parsed;
  for (const Route& route : routes_) {
    if (route.method == method && SameShape(route.segments, segments)) {
      return absl::AlreadyExistsError(
          fmt::format("there is a route for {} {} already", MethodName(method), pattern));
    }
  }
  routes_.push_back({method, std::move(segments), std::move(handler)});
  return absl::OkStatus();
}

bool Router::Matches(const Route& route, const std::vector<std::string_view>& path) {
  return std::equal(route.segments.begin(), route.segments.end(), path.begin(), path.end(),
                    [](const Segment& segment, std::string_view text) {
                      return segment.is_name ? !text.empty() : segment.text == text;
                    });
}

bool Router::IsMoreSpecific(const Route& a, const Route& b) {
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    if (a.segments[i].is_name != b.segments[i].is_name) return b.segments[i].is_name;
  }
  return false;
}

const Router::Route* Router::Best(const std::vector<const Route*>& matching, Method method) const {
  const Route* best = nullptr;
  for (const Route* route : matching) {
    if (route->method != method) continue;
    if (best == nullptr || IsMoreSpecific(*route, *best)) best = route;
  }
  return best;
}

Response Router::Handle(Request& request) const {
  std::vector<std::string_view> path;
  std::vector<const Route*> matching;
  std::string allow;
  if (request.path != "*") {
    if (request.path.starts_with('/')) path = Split(request.path);
    for (const Route& route : routes_) {
      if (Matches(route, path)) matching.push_back(&route);
    }
    if (matching.empty()) return ToResponse(MakeProblem(404, "There is nothing at this path."));
  }

  const Route* found = Best(matching, request.method);
  if (found == nullptr && request.method == Method::kHead) found = Best(matching, Method::kGet);
  if (found != nullptr) {
    request.path_parameters.clear();
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (!found->segments[i].is_name) continue;
      request.path_parameters.emplace_back(found->segments[i].text, path[i]);
    }
    return found->handler(request);
  }

  for (const Method method : kAllMethods) {
    const bool automatic = method == Method::kOptions || request.path == "*" ||
                           (method == Method::kHead && Best(matching, Method::kGet) != nullptr);
    if (!automatic && Best(matching, method) == nullptr) continue;
    allow += fmt::format("{}{}", allow.empty() ? "" : ", ", MethodName(method));
  }
  if (request.method == Method::kOptions) return WithAllow(Response::NoContent(), allow);
  return WithAllow(ToResponse(MakeProblem(405, fmt::format("This path allows {}.", allow))), allow);
}

}  // namespace outlive::http
