// What a webhook says: the body of its request.
#ifndef OUTLIVE_SRC_NOTIFY_WEBHOOK_BODY_H_
#define OUTLIVE_SRC_NOTIFY_WEBHOOK_BODY_H_

#include <absl/status/statusor.h>

#include <string>

#include "outlive/core/notifier.h"

namespace outlive::internal {

// As webhook_notifier.h shows it. kInvalidArgument: it cannot be made short enough, or is not text.
absl::StatusOr<std::string> WebhookBody(const Notification& notification);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_WEBHOOK_BODY_H_
