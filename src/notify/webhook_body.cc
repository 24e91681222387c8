#include "notify/webhook_body.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core/time_text.h"
#include "core/utf8.h"
#include "outlive/notify/webhook_notifier.h"

namespace outlive::internal {
namespace {

namespace json = boost::json;

constexpr std::size_t kCutErrorBytes = 1024;

json::string_view View(std::string_view text) { return {text.data(), text.size()}; }

json::object JobObject(const JobEnd& end) {
  json::object job;
  job["id"] = fmt::format("{}", end.job_id);  // A string: JavaScript's numbers end at 2^53.
  job["kind"] = end.kind;
  job["queue"] = end.queue;
  job["state"] = View(JobStateName(end.state));
  job["attempt"] = end.attempt;
  job["generation"] = end.generation;
  job["ended_at"] = TimeToText(end.ended_at);
  return job;
}

// The host's own JSON as it is, any other text as a string.
json::value HostData(const std::string& data) {
  json::error_code error;
  json::value value = json::parse(View(data), error);
  if (error) value = data;
  return value;
}

// As much of `text` as `size` bytes hold of whole characters.
std::string_view CutText(std::string_view text, std::size_t size) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t step = std::max<std::size_t>(Utf8SequenceSize(rest), 1);
    if (text.size() - rest.size() + step > size) break;
    rest.remove_prefix(step);
  }
  return text.substr(0, text.size() - rest.size());
}

struct Parts {
  std::string_view output;
  std::string_view error;
  bool truncated = false;
};

std::string Serialize(const Notification& notification, const Parts& parts) {
  json::object data;
  data["job"] = JobObject(notification.end);
  if (!parts.output.empty()) data["output"] = View(parts.output);
  if (!parts.error.empty()) data["error"] = View(parts.error);
  if (!notification.data.empty()) data["data"] = HostData(notification.data);
  if (parts.truncated) data["truncated"] = true;
  json::object body;
  body["type"] = notification.type;
  body["timestamp"] = TimeToText(notification.end.ended_at);
  body["data"] = std::move(data);
  return json::serialize(body);
}

}  // namespace

absl::StatusOr<std::string> WebhookBody(const Notification& notification) {
  Parts parts{notification.end.output, notification.end.error};
  if (!IsUtf8(parts.output)) parts = {{}, parts.error, true};
  std::string body = Serialize(notification, parts);
  if (body.size() > kWebhookBodyBytesMax) {
    parts = {{}, parts.error, true};
    body = Serialize(notification, parts);
  }
  if (body.size() > kWebhookBodyBytesMax) {
    parts.error = CutText(parts.error, kCutErrorBytes);
    body = Serialize(notification, parts);
  }
  if (body.size() > kWebhookBodyBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("the webhook's body has more than {} bytes", kWebhookBodyBytesMax));
  }
  if (!IsUtf8(body)) return absl::InvalidArgumentError("the webhook's body is not UTF-8");
  return body;
}

}  // namespace outlive::internal
