// Router finds the handler for a request by method and path.
//
//   router.Add(Method::kGet, "/reports/{id}/events", handler)
//
// A pattern is a list of segments, each either literal text or `{name}`, which matches one whole,
// non-empty segment. Where several patterns match a path, a literal segment goes before a name,
// from left to right; the order of Add() does not matter.
//
// What no handler has to do: a path nobody knows is 404, a known one with another method is 405
// with Allow, HEAD is answered by GET (the server leaves the body out), and OPTIONS by 204 with
// Allow. Both errors are problem documents.
//
// Thread-safety: Add() before the router is shared; Handle() from many threads at once.
// Lifetime:      the router outlives the server that calls it.
// Errors:        kInvalidArgument (pattern), kAlreadyExists (same method and shape of pattern).
#ifndef OUTLIVE_HTTP_ROUTER_H_
#define OUTLIVE_HTTP_ROUTER_H_

#include <absl/status/status.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/http/message.h"

namespace outlive::http {

class Router {
 public:
  using Handler = std::function<Response(const Request&)>;

  // `pattern` starts with '/'. Names are `[a-z][a-z0-9_]*` and differ from one another. A route
  // for kHead or kOptions takes the place of the automatic answer.
  absl::Status Add(Method method, std::string_view pattern, Handler handler);

  // Fills `request.path_parameters` and calls the handler, or answers by itself.
  Response Handle(Request& request) const;

 private:
  struct Segment {
    bool is_name = false;
    std::string text;
  };
  struct Route {
    Method method;
    std::vector<Segment> segments;
    Handler handler;
  };

  static absl::Status ParsePattern(std::string_view pattern, std::vector<Segment>& segments);
  static bool SameShape(const std::vector<Segment>& a, const std::vector<Segment>& b);
  static bool Matches(const Route& route, const std::vector<std::string_view>& path);
  static bool IsMoreSpecific(const Route& a, const Route& b);

  const Route* Best(const std::vector<const Route*>& matching, Method method) const;

  std::vector<Route> routes_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_ROUTER_H_
