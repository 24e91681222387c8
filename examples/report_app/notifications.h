// Who is told that a report has ended, and how: by mail with a link, where its user gave an
// address, and by webhook, where one is configured. The library writes each delivery as a job in
// the transaction that ends the report, so it may come late, but never not at all.
//
//   Create(): FollowUpsFor(params) ──► report ends ──► job in queue "notify" ──► notifier
//
// Thread-safety: built by one thread; then may be used from many.
// Lifetime:      links, clock and log outlive it, and it outlives the worker set.
// Errors:        kInvalidArgument: the configuration.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_NOTIFICATIONS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_NOTIFICATIONS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/follow_up.h"
#include "outlive/core/log.h"
#include "outlive/core/notifier.h"
#include "outlive/core/secret.h"
#include "outlive/core/worker_set.h"
#include "outlive/notify/email_notifier.h"
#include "report_app/links.h"
#include "report_app/report_params.h"

namespace report_app {

inline constexpr std::string_view kNotifyQueue = "notify";

struct NotificationOptions {
  // "smtp://host:port", or smtps:// for TLS from the first byte. In the clear only on loopback.
  // Empty: no mail.
  std::string smtp_url;
  std::string smtp_user;
  outlive::Secret smtp_password;
  std::string mail_from;

  // Empty: no webhook.
  std::string webhook_url;
  outlive::Secret webhook_secret;      // whsec_…
  bool webhook_allow_private = false;  // Plain HTTP to this machine, for demonstrations.
};

class Notifications {
 public:
  Notifications(const Links& links, NotificationOptions options)
      : links_(links), options_(std::move(options)) {}

  // Makes the notifiers that are configured.
  absl::Status Open(const outlive::Clock& clock, outlive::LogSink& log);

  bool sends_mail() const { return mail_ != nullptr; }

  // What the end of this report brings about.
  absl::StatusOr<std::vector<outlive::FollowUp>> FollowUpsFor(const GenerateReport& params) const;

  // Adds the worker that delivers. `store_id` is StoreInfo::store_id.
  absl::Status AddWorker(outlive::WorkerSet& workers, const std::string& store_id) const;

  // Links in mails start with this. Known once the server has its port; set it before the runner
  // starts.
  void set_base_url(std::string base_url) { base_url_ = std::move(base_url); }

 private:
  absl::StatusOr<outlive::Email> Compose(const outlive::Notification& notification) const;
  absl::Status OpenMail(const outlive::Clock& clock);
  absl::Status OpenWebhook(const outlive::Clock& clock, outlive::LogSink& log);

  const Links& links_;
  const NotificationOptions options_;
  std::string base_url_;
  std::unique_ptr<outlive::Notifier> mail_;
  std::unique_ptr<outlive::Notifier> webhook_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_NOTIFICATIONS_H_
