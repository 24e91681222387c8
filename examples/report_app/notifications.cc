#include "report_app/notifications.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <map>
#include <optional>

#include "outlive/core/args.h"
#include "outlive/core/lifecycle.h"
#include "outlive/notify/delivery.h"
#include "outlive/notify/webhook_notifier.h"

namespace report_app {
namespace {

constexpr std::string_view kMail = "mail";
constexpr std::string_view kWebhook = "webhook";
constexpr std::string_view kEndpoint = "configured";  // The only one this app has.

// "smtp://127.0.0.1:2525".
struct SmtpAddress {
  std::string host;
  int port = 0;
  outlive::SmtpSecurity security = outlive::SmtpSecurity::kStartTls;
};

absl::StatusOr<SmtpAddress> ParseSmtpUrl(std::string_view url) {
  constexpr std::string_view kTls = "smtps://";
  constexpr std::string_view kPlain = "smtp://";
  SmtpAddress address;
  std::string_view rest;
  if (url.starts_with(kTls)) {
    address.security = outlive::SmtpSecurity::kTls;
    rest = url.substr(kTls.size());
  } else if (url.starts_with(kPlain)) {
    rest = url.substr(kPlain.size());
  }
  const std::size_t colon = rest.rfind(':');
  if (colon == 0 || colon == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(rest.substr(colon + 1)), &address.port)) {
    return absl::InvalidArgumentError("--smtp-url must be like smtp://host:port");
  }
  address.host = rest.substr(0, colon);
  const bool loopback = address.host == "127.0.0.1" || address.host == "localhost";
  if (loopback && address.security == outlive::SmtpSecurity::kStartTls) {
    address.security = outlive::SmtpSecurity::kNone;  // Nobody is on the way.
  }
  return address;
}

// The port that a URL names; 80 where it names none.
int PortOf(std::string_view url) {
  const std::size_t host = url.find("://");
  const std::size_t end = url.find('/', host == std::string_view::npos ? 0 : host + 3);
  const std::string_view authority = url.substr(0, end);
  int port = 0;
  return absl::SimpleAtoi(std::string(authority.substr(authority.rfind(':') + 1)), &port) ? port
                                                                                          : 80;
}

// What the webhook's receiver is told about the report: not whose it is.
std::string WebhookData(const GenerateReport& params) {
  boost::json::object json = ReportParamsToJson(params);
  json.erase("email");
  return boost::json::serialize(json);
}

// Whoever uses the page can have mail sent to any address, so none of it is in their own words.
std::string MailData(GenerateReport params) {
  params.species.clear();
  return DescribeReport(params);
}

}  // namespace

absl::Status Notifications::Open(const outlive::Clock& clock, outlive::LogSink& log) {
  if (!options_.smtp_url.empty()) {
    if (absl::Status status = OpenMail(clock); !status.ok()) return status;
  }
  if (!options_.webhook_url.empty()) return OpenWebhook(clock, log);
  return absl::OkStatus();
}

absl::Status Notifications::OpenMail(const outlive::Clock& clock) {
  absl::StatusOr<SmtpAddress> address = ParseSmtpUrl(options_.smtp_url);
  if (!address.ok()) return address.status();
  outlive::EmailNotifierOptions options;
  options.host = address->host;
  options.port = address->port;
  options.security = address->security;
  options.username = options_.smtp_user;
  options.password = options_.smtp_password;
  options.from_address = options_.mail_from;
  options.from_name = "Wildlife strike reports";
  options.composer = [this](const outlive::Notification& notification) {
    return Compose(notification);
  };
  options.clock = &clock;
  absl::StatusOr<std::unique_ptr<outlive::EmailNotifier>> mail =
      outlive::EmailNotifier::Create(std::move(options));
  if (!mail.ok()) return mail.status();
  mail_ = *std::move(mail);
  return absl::OkStatus();
}

absl::Status Notifications::OpenWebhook(const outlive::Clock& clock, outlive::LogSink& log) {
  outlive::WebhookNotifierOptions options;
  options.endpoints[std::string(kEndpoint)] = {.url = options_.webhook_url,
                                               .secrets = {options_.webhook_secret}};
  if (options_.webhook_allow_private) {
    options.allow_http = true;
    options.allowed_networks = {"127.0.0.0/8", "::1/128"};
    options.ports = {PortOf(options_.webhook_url)};
  }
  options.clock = &clock;
  options.log = &log;
  absl::StatusOr<std::unique_ptr<outlive::WebhookNotifier>> webhook =
      outlive::WebhookNotifier::Create(std::move(options));
  if (!webhook.ok()) return webhook.status();
  webhook_ = *std::move(webhook);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<outlive::FollowUp>> Notifications::FollowUpsFor(
    const GenerateReport& params) const {
  std::vector<outlive::NotifyTarget> targets;
  if (mail_ != nullptr && !params.email.empty()) {
    targets.push_back({.notifier = std::string(kMail),
                       .target = params.email,
                       .data = MailData(params),
                       .queue = std::string(kNotifyQueue),
                       .retry = std::nullopt});
  }
  if (webhook_ != nullptr) {
    targets.push_back({.notifier = std::string(kWebhook),
                       .target = std::string(kEndpoint),
                       .data = WebhookData(params),
                       .on_cancelled = true,
                       .queue = std::string(kNotifyQueue),
                       .attempt_count_max = outlive::kStandardWebhookAttemptCount,
                       .retry = outlive::StandardWebhookRetryPolicy()});
  }
  std::vector<outlive::FollowUp> follow_ups;
  for (const outlive::NotifyTarget& target : targets) {
    absl::StatusOr<outlive::FollowUp> follow_up = outlive::NotifyOnEnd(target);
    if (!follow_up.ok()) return follow_up.status();
    follow_ups.push_back(*std::move(follow_up));
  }
  return follow_ups;
}

absl::Status Notifications::AddWorker(outlive::WorkerSet& workers,
                                      const std::string& store_id) const {
  std::map<std::string, outlive::Notifier*> notifiers;
  if (mail_ != nullptr) notifiers[std::string(kMail)] = mail_.get();
  if (webhook_ != nullptr) notifiers[std::string(kWebhook)] = webhook_.get();
  return outlive::AddDeliveryWorker(workers, notifiers, {.store_id = store_id});
}

// The link is signed now, and not when the report was asked for: it is good from here on.
absl::StatusOr<outlive::Email> Notifications::Compose(
    const outlive::Notification& notification) const {
  const outlive::JobEnd& end = notification.end;
  outlive::EmailData data;
  if (end.state == outlive::JobState::kCompleted) {
    const absl::StatusOr<SignedPath> link = links_.ForAnybody(end.output);
    if (!link.ok()) return link.status();
    data.subject = fmt::format("Your report is ready: {}", notification.data);
    data.text = "The report you asked for is ready. The link is good until " +
                absl::FormatTime("%Y-%m-%d %H:%M UTC.", link->expires_at, absl::UTCTimeZone());
    data.link = base_url_ + link->path;
  } else {
    data.subject = fmt::format("Your report could not be made: {}", notification.data);
    data.text = "We could not make the report you asked for. You can try it again on the page.";
    data.link = base_url_ + "/";
  }
  const absl::StatusOr<std::string> encoded = outlive::EncodeArgs(data);
  if (!encoded.ok()) return encoded.status();
  outlive::Notification with_link = notification;
  with_link.data = *encoded;
  return outlive::ComposeJobEmail(with_link);
}

}  // namespace report_app
