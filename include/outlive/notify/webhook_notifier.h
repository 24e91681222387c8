// WebhookNotifier posts notifications to HTTP endpoints, as Standard Webhooks 1.0
// (https://www.standardwebhooks.com) has it.
//
//   Notification ──► {"type", "timestamp", "data"} ──► signed POST ──► 2xx: Done
//                                                          └──► else: Retry, by its schedule
//
// The body, at most kWebhookBodyBytesMax:
//
//   {"type": "job.completed", "timestamp": "2026-01-31T12:00:00Z",
//    "data": {"job": {"id": "42", "kind": …, "queue": …, "state": …, "attempt": 1,
//                     "generation": 0, "ended_at": …},
//             "output": …, "error": …, "data": <the host's own JSON>, "truncated": true}}
//
// "output", "error" and "data" are there where they are not empty. An output that would make the
// body too long is left out, an error is cut; then "truncated" is there.
//
// Outcomes:
//   2xx                        Done.
//   410                        Dead; the endpoint is disabled for this process, on_gone is told.
//   429, 503 with Retry-After  Retry after that, from one second to retry_after_max.
//   anything else, redirects   Retry by the job's policy: give it StandardWebhookRetryPolicy().
//   included, and no answer
//   no such endpoint, bad URL, Dead: a person has to look at the configuration, and can requeue.
//   no allowed address
//   endpoint busy or paused    Snooze: no attempt is burnt.
//
// A receiver is not trusted. The status decides as soon as the response's header is complete; at
// most 64 KiB of a response are read and none of it is kept. Redirects are not followed, proxies of
// the environment are ignored. An address that is not public is refused when connecting, so that no
// spelling of a host and no change of DNS leads into the internal network.
//
// So that endpoints that hang do not keep the others waiting, each has at most `concurrent_max`
// requests under way, and after `failure_count_max` requests without any answer it is left alone
// for `pause`; then one request tries it.
//
// Thread-safety: Notify() may be called from many threads at once; each call blocks its thread for
//                at most `timeout` and a second, plus what the system's resolver needs to give up.
// Lifetime:      clock and log sink outlive it.
// Time:          timestamps from the options' clock; time limits run on the machine's.
// Cancellation:  Progress::cancelled() ends a request within a second, as Retry.
// Errors:        texts name the endpoint and the status, never a URL, a secret or a response.
#ifndef OUTLIVE_NOTIFY_WEBHOOK_NOTIFIER_H_
#define OUTLIVE_NOTIFY_WEBHOOK_NOTIFIER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/log.h"
#include "outlive/core/notifier.h"
#include "outlive/core/retry_policy.h"
#include "outlive/core/secret.h"

namespace outlive {

inline constexpr std::size_t kWebhookBodyBytesMax = 20 * 1024;

// The Standard's example schedule: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
// 20 h and 24 h, each ±10 %; with it go that many attempts, over three days.
RetryPolicy StandardWebhookRetryPolicy();
inline constexpr int kStandardWebhookAttemptCount = 10;

struct WebhookEndpoint {
  // https://…, ASCII (host names in Punycode), without user name or password; at most 2,048 bytes.
  // May hold a token: it is never shown.
  std::string url = {};

  // See webhook_signature.h: `whsec_…`, more than one only while they are being replaced.
  std::vector<Secret> secrets = {};
};

// Create() checks every field and reports all faults in one kInvalidArgument.
struct WebhookNotifierOptions {
  // -- Behaviour ---------------------------------------------------------------------------

  // Where notifications may go, by name: a Notification's target is a name, so that no URL comes
  // from a user's hands.
  std::map<std::string, WebhookEndpoint> endpoints = {};

  // For targets that are not among them, such as endpoints that users have registered in the host's
  // database, or URLs. May be called from many threads at once. kNotFound: there is none (Dead);
  // any other error: Retry. Null: there are no others.
  std::function<absl::StatusOr<WebhookEndpoint>(const std::string& target)> find_endpoint = {};

  // Called after an endpoint has answered 410, so that the host can strike it off. From a thread of
  // Notify(), under no lock. Null: the log alone tells.
  std::function<void(const std::string& target)> on_gone = {};

  // Plain HTTP too. What is sent can then be read on its way.
  bool allow_http = false;

  // Ports that may be connected to.
  std::vector<int> ports = {80, 443};

  // Networks that are not public and may be connected to all the same: "127.0.0.0/8", "fd00::/8".
  std::vector<std::string> allowed_networks = {};

  // A file of certificates (PEM) to trust instead of the system's. Empty: the system's.
  std::string ca_file = {};

  // The header `User-Agent`: 1 to 128 printable characters.
  std::string user_agent = "outlive";

  // Until the connection stands, and for all of it. Positive, at most an hour.
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration timeout = absl::Seconds(15);

  // The longest that a receiver may put off the next attempt. At least a second, at most 366 days.
  absl::Duration retry_after_max = absl::Hours(24);

  // Null: the system's clock, DefaultLogSink().
  const Clock* clock = nullptr;
  LogSink* log = nullptr;

  // -- Performance -------------------------------------------------------------------------

  // Requests under way at one endpoint. More are snoozed for `busy_pause`. Positive.
  int concurrent_max = 4;
  absl::Duration busy_pause = absl::Seconds(2);

  // Requests in a row that got no answer before an endpoint is left alone, and for how long.
  // Positive.
  int failure_count_max = 5;
  absl::Duration pause = absl::Minutes(1);
};

class WebhookNotifier final : public Notifier {
 public:
  static absl::StatusOr<std::unique_ptr<WebhookNotifier>> Create(WebhookNotifierOptions options);
  ~WebhookNotifier() override;

  Outcome Notify(const Notification& notification, Progress& progress) override;

 private:
  class Impl;
  explicit WebhookNotifier(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive

#endif  // OUTLIVE_NOTIFY_WEBHOOK_NOTIFIER_H_
