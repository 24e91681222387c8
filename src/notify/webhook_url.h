// An endpoint's URL, parsed by libcurl's own parser: what is checked here is what is connected to.
#ifndef OUTLIVE_SRC_NOTIFY_WEBHOOK_URL_H_
#define OUTLIVE_SRC_NOTIFY_WEBHOOK_URL_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "notify/curl_transfer.h"

namespace outlive::internal {

// Errors: kInvalidArgument: no URL, another scheme, a user name or password, a port that is not
// among `ports`. The text does not show the URL.
absl::StatusOr<CurlUrl> ParseWebhookUrl(const std::string& url, bool allow_http,
                                        const std::vector<int>& ports);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_WEBHOOK_URL_H_
