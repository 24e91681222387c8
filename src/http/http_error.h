// Why a request is refused before any handler sees it.
#ifndef OUTLIVE_SRC_HTTP_HTTP_ERROR_H_
#define OUTLIVE_SRC_HTTP_HTTP_ERROR_H_

#include <string>

namespace outlive::http {

struct HttpError {
  int status = 400;
  std::string detail;  // For the client. Never repeats what was sent.
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_HTTP_ERROR_H_
