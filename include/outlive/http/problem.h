// Problem documents (RFC 9457): what an API answers when it cannot do what was asked, for people
// and for programs.
//
//   absl::Status ──► Problem ──► Response (application/problem+json)
//
// Texts from inside never leave: what kInternal, kUnknown and kDataLoss say is for the log, and
// their problems have no detail.
//
// Thread-safety: plain values and pure functions.
#ifndef OUTLIVE_HTTP_PROBLEM_H_
#define OUTLIVE_HTTP_PROBLEM_H_

#include <absl/status/status.h>

#include <boost/json/object.hpp>
#include <string>

#include "outlive/http/message.h"

namespace outlive::http {

struct Problem {
  int status = 500;

  // A URI for this kind of problem. "about:blank" says no more than the status does.
  std::string type = "about:blank";

  // What kind of problem it is, the same text each time. Empty: the status's own text.
  std::string title;

  // What was wrong this time, and what would help. Empty: left out.
  std::string detail;

  // Further members, such as the fields that were wrong. They cannot replace those above.
  boost::json::object extensions;
};

// The problem with this status and detail, and nothing else.
Problem MakeProblem(int status, std::string detail = {});

// A problem for a status that is not OK. (For an OK one, which is a bug of the caller, a 500.)
//
//   kInvalidArgument, kOutOfRange 400   kUnauthenticated 401    kPermissionDenied 403
//   kNotFound 404   kAlreadyExists, kAborted, kFailedPrecondition 409   kResourceExhausted 429
//   kUnimplemented 501   kUnavailable, kCancelled 503   kDeadlineExceeded 504   any other 500
Problem ProblemFromStatus(const absl::Status& status);

// The document as a response, not to be stored by caches.
Response ToResponse(const Problem& problem);

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_PROBLEM_H_
