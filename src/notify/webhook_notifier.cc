#include "outlive/notify/webhook_notifier.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/strip.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/faults.h"
#include "notify/address_guard.h"
#include "notify/curl_transfer.h"
#include "notify/endpoint_gate.h"
#include "notify/retry_after.h"
#include "notify/webhook_body.h"
#include "notify/webhook_url.h"
#include "outlive/core/trace_context.h"
#include "outlive/notify/webhook_signature.h"

namespace outlive {
namespace {

using internal::AddressGuard;
using internal::CurlTransfer;
using internal::EndpointGate;

constexpr std::size_t kResponseBytesMax = 64 * 1024;
constexpr absl::Duration kTimeoutMax = absl::Hours(1);
constexpr absl::Duration kRetryAfterMax = absl::Hours(24 * 366);

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// An endpoint that was checked and can be posted to.
struct Endpoint {
  std::string url;
  WebhookSigner signer;
};

// What came back of one request.
struct Response {
  std::size_t bytes = 0;  // Header and body.
  bool header_complete = false;
  std::string retry_after;
  bool address_refused = false;  // Of several addresses, one or more.
  bool address_allowed = false;
  const AddressGuard* guard = nullptr;
};

// False where the response is too long, which ends the transfer.
bool Count(Response& response, std::size_t bytes) {
  response.bytes += bytes;
  return response.bytes <= kResponseBytesMax;
}

std::size_t OnHeader(char* text, std::size_t, std::size_t size, void* data) {
  Response& response = *static_cast<Response*>(data);
  if (!Count(response, size)) return 0;
  const absl::string_view line = absl::StripAsciiWhitespace(absl::string_view(text, size));
  constexpr absl::string_view kRetryAfter = "retry-after:";
  if (absl::StartsWith(line, "HTTP/")) {
    response.header_complete = false;  // Another one may have come before: 100 Continue.
    response.retry_after.clear();
  } else if (line.empty()) {
    response.header_complete = true;
  } else if (absl::StartsWithIgnoreCase(line, kRetryAfter)) {
    response.retry_after = std::string(line.substr(kRetryAfter.size()));
  }
  return size;
}

std::size_t OnBody(char*, std::size_t, std::size_t size, void* data) {
  return Count(*static_cast<Response*>(data), size) ? size : 0;
}

// Where every name is resolved and every spelling undone: the last moment before connecting.
curl_socket_t OnOpenSocket(void* data, curlsocktype, curl_sockaddr* address) {
  Response& response = *static_cast<Response*>(data);
  if (!response.guard->Allows(address->addr)) {
    response.address_refused = true;
    return CURL_SOCKET_BAD;
  }
  response.address_allowed = true;
  int type = address->socktype;
#ifdef SOCK_CLOEXEC
  type |= SOCK_CLOEXEC;
#endif
  return socket(address->family, type, address->protocol);
}

absl::Status ValidateOptions(const WebhookNotifierOptions& options) {
  internal::Faults faults("webhook notifier");
  const auto is_timeout = [](absl::Duration timeout) {
    return timeout > absl::ZeroDuration() && timeout <= kTimeoutMax;
  };
  faults.Require(std::all_of(options.ports.begin(), options.ports.end(),
                             [](int port) { return port >= 1 && port <= 65'535; }),
                 "ports must be from 1 to 65535");
  faults.Require(!options.user_agent.empty() && options.user_agent.size() <= 128 &&
                     std::all_of(options.user_agent.begin(), options.user_agent.end(),
                                 [](char c) { return c >= 0x20 && c < 0x7F; }),
                 "user_agent must be 1 to 128 printable characters");
  faults.Require(is_timeout(options.connect_timeout),
                 "connect_timeout must be positive and at most an hour");
  faults.Require(is_timeout(options.timeout), "timeout must be positive and at most an hour");
  faults.Require(
      options.retry_after_max >= absl::Seconds(1) && options.retry_after_max <= kRetryAfterMax,
      "retry_after_max must be from a second to 366 days");
  faults.Require(options.concurrent_max > 0, "concurrent_max must be positive");
  faults.Require(options.busy_pause > absl::ZeroDuration(), "busy_pause must be positive");
  faults.Require(options.failure_count_max > 0, "failure_count_max must be positive");
  faults.Require(options.pause > absl::ZeroDuration(), "pause must be positive");
  for (const std::string& network : options.allowed_networks) {
    faults.AddIfError(internal::ParseNetwork(network).status());
  }
  for (const auto& [name, endpoint] : options.endpoints) {
    const auto check = [&, &label = name](const absl::Status& status) {
      if (!status.ok()) faults.Add(fmt::format("endpoint \"{}\": {}", label, Message(status)));
    };
    check(internal::ParseWebhookUrl(endpoint.url, options.allow_http, options.ports).status());
    check(WebhookSigner::Create(endpoint.secrets).status());
  }
  return faults.ToStatus();
}

std::vector<internal::Network> ParseNetworks(const std::vector<std::string>& texts) {
  std::vector<internal::Network> networks;
  for (const std::string& text : texts) networks.push_back(internal::ParseNetwork(text).value());
  return networks;
}

}  // namespace

RetryPolicy StandardWebhookRetryPolicy() {
  RetryPolicy policy;
  policy.initial = absl::Seconds(5);
  policy.delay_max = absl::Hours(24);
  policy.jitter = 0.1;
  policy.schedule = {absl::Seconds(5), absl::Minutes(5), absl::Minutes(30),
                     absl::Hours(2),   absl::Hours(5),   absl::Hours(10),
                     absl::Hours(14),  absl::Hours(20),  absl::Hours(24)};
  return policy;
}

class WebhookNotifier::Impl {
 public:
  explicit Impl(WebhookNotifierOptions options)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? *options_.clock : SystemClockInstance()),
        log_(options_.log != nullptr ? *options_.log : DefaultLogSink()),
        guard_(ParseNetworks(options_.allowed_networks)),
        gate_({.concurrent_max = options_.concurrent_max,
               .busy_pause = options_.busy_pause,
               .failure_count_max = options_.failure_count_max,
               .pause = options_.pause}) {}

  Outcome Notify(const Notification& notification, Progress& progress);

 private:
  // What a request came to, and what its endpoint's gate is told.
  struct Attempt {
    Outcome outcome;
    EndpointGate::Result result = EndpointGate::Result::kAbandoned;
  };

  absl::StatusOr<Endpoint> FindEndpoint(const std::string& target) const;
  std::string NameOf(const std::string& target) const;
  Attempt Post(const Endpoint& endpoint, const Notification& notification, Progress& progress);
  Attempt Judge(const Notification& notification, const CurlTransfer& transfer, CURLcode code,
                const Response& response) const;
  Attempt JudgeStatus(const std::string& name, long status, const Response& response) const;
  void TellGone(const Notification& notification) const;

  const WebhookNotifierOptions options_;
  const Clock& clock_;
  LogSink& log_;
  const AddressGuard guard_;
  EndpointGate gate_;
};

Outcome WebhookNotifier::Impl::Notify(const Notification& notification, Progress& progress) {
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint(notification.target);
  if (absl::IsNotFound(endpoint.status()) || absl::IsInvalidArgument(endpoint.status())) {
    return Dead(Message(endpoint.status()));
  }
  if (!endpoint.ok()) return Retry(endpoint.status());

  const EndpointGate::Admission admission = gate_.Enter(notification.target, clock_.SinceBoot());
  if (admission.entry == EndpointGate::Entry::kWait) return Snooze(admission.wait);
  if (admission.entry == EndpointGate::Entry::kGone) {
    return Dead(fmt::format("{} is disabled: it has answered 410", NameOf(notification.target)));
  }
  Attempt attempt;
  {
    const absl::Cleanup leave = [&] {
      gate_.Leave(notification.target, attempt.result, clock_.SinceBoot());
    };
    attempt = Post(*endpoint, notification, progress);
  }
  if (attempt.result == EndpointGate::Result::kGone) TellGone(notification);
  return std::move(attempt.outcome);
}

// Names are the host's own and may be shown. Other targets may be URLs with a token in them.
std::string WebhookNotifier::Impl::NameOf(const std::string& target) const {
  return options_.endpoints.contains(target) ? fmt::format("the webhook endpoint \"{}\"", target)
                                             : "the webhook endpoint";
}

absl::StatusOr<Endpoint> WebhookNotifier::Impl::FindEndpoint(const std::string& target) const {
  WebhookEndpoint found;
  if (const auto known = options_.endpoints.find(target); known != options_.endpoints.end()) {
    found = known->second;
  } else {
    if (!options_.find_endpoint) return absl::NotFoundError("there is no such webhook endpoint");
    absl::StatusOr<WebhookEndpoint> other = options_.find_endpoint(target);
    if (!other.ok()) return other.status();
    found = *std::move(other);
  }
  absl::StatusOr<WebhookSigner> signer = WebhookSigner::Create(found.secrets);
  if (!signer.ok()) return signer.status();
  return Endpoint{std::move(found.url), *std::move(signer)};
}

WebhookNotifier::Impl::Attempt WebhookNotifier::Impl::Post(const Endpoint& endpoint,
                                                           const Notification& notification,
                                                           Progress& progress) {
  const absl::StatusOr<internal::CurlUrl> url =
      internal::ParseWebhookUrl(endpoint.url, options_.allow_http, options_.ports);
  if (!url.ok()) return {Dead(Message(url.status()))};
  const absl::StatusOr<std::string> body = internal::WebhookBody(notification);
  if (!body.ok()) return {Dead(Message(body.status()))};
  const std::int64_t timestamp = absl::ToUnixSeconds(clock_.Now());
  const absl::StatusOr<std::string> signature =
      endpoint.signer.Sign(notification.id, timestamp, *body);
  if (!signature.ok()) return {Dead(Message(signature.status()))};

  Response response;
  response.guard = &guard_;
  CurlTransfer transfer({options_.connect_timeout, options_.timeout, options_.ca_file}, progress);
  transfer.Set(CURLOPT_CURLU, url->get());
  transfer.Set(CURLOPT_PROTOCOLS_STR, options_.allow_http ? "http,https" : "https");
  transfer.Set(CURLOPT_FOLLOWLOCATION, 0L);
  transfer.Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  transfer.Set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  transfer.Set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  transfer.Set(CURLOPT_POST, 1L);
  transfer.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
  transfer.Set(CURLOPT_POSTFIELDS, body->data());
  transfer.Set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  transfer.Set(CURLOPT_OPENSOCKETDATA, &response);
  transfer.Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  transfer.Set(CURLOPT_HEADERDATA, &response);
  transfer.Set(CURLOPT_WRITEFUNCTION, &OnBody);
  transfer.Set(CURLOPT_WRITEDATA, &response);
  transfer.AddHeader("Content-Type: application/json");
  transfer.AddHeader("Expect:");
  transfer.AddHeader("webhook-id: " + notification.id);
  transfer.AddHeader(fmt::format("webhook-timestamp: {}", timestamp));
  transfer.AddHeader("webhook-signature: " + *signature);
  if (IsTraceparent(notification.traceparent)) {
    transfer.AddHeader("traceparent: " + notification.traceparent);
  }
  const CURLcode code = transfer.Perform();
  return Judge(notification, transfer, code, response);
}

WebhookNotifier::Impl::Attempt WebhookNotifier::Impl::Judge(const Notification& notification,
                                                            const CurlTransfer& transfer,
                                                            CURLcode code,
                                                            const Response& response) const {
  const std::string name = NameOf(notification.target);
  // Once the header is there, a body that is late, broken or too long changes nothing.
  if (response.header_complete) return JudgeStatus(name, transfer.response_code(), response);
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return {Retry(absl::CancelledError("the webhook was given up: the job was asked to stop"))};
  }
  // Where another address of the host may be used, nobody there now is nobody there now.
  if (response.address_refused && !response.address_allowed && code == CURLE_COULDNT_CONNECT) {
    return {Dead(fmt::format("{} has an address that is not allowed", name))};
  }
  // libcurl's words for the code do not name the host.
  const std::string text = fmt::format("{} gave no answer: {}", name, curl_easy_strerror(code));
  return {Retry(absl::UnavailableError(text)), EndpointGate::Result::kNoAnswer};
}

WebhookNotifier::Impl::Attempt WebhookNotifier::Impl::JudgeStatus(const std::string& name,
                                                                  long status,
                                                                  const Response& response) const {
  const std::string text = fmt::format("{} answered {}", name, status);
  if (status >= 200 && status < 300) return {Done(), EndpointGate::Result::kAnswered};
  if (status == 410) return {Dead(text), EndpointGate::Result::kGone};
  std::optional<absl::Duration> after;
  if (status == 429 || status == 503) {
    after = internal::ParseRetryAfter(response.retry_after, clock_.Now(), options_.retry_after_max);
  }
  return {Retry(absl::UnavailableError(text), after), EndpointGate::Result::kAnswered};
}

void WebhookNotifier::Impl::TellGone(const Notification& notification) const {
  const std::string text =
      fmt::format("{} answered 410 and is disabled until the process starts anew",
                  EscapeForLog(NameOf(notification.target)));
  LogRecord record;
  record.level = LogLevel::kWarning;
  record.message = text;
  record.job_id = notification.end.job_id;
  record.kind = notification.end.kind;
  record.queue = notification.end.queue;
  record.traceparent = notification.traceparent;
  log_.Log(record);
  if (options_.on_gone) options_.on_gone(notification.target);
}

absl::StatusOr<std::unique_ptr<WebhookNotifier>> WebhookNotifier::Create(
    WebhookNotifierOptions options) {
  if (absl::Status valid = ValidateOptions(options); !valid.ok()) return valid;
  return std::unique_ptr<WebhookNotifier>(
      new WebhookNotifier(std::make_unique<Impl>(std::move(options))));
}

WebhookNotifier::WebhookNotifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebhookNotifier::~WebhookNotifier() = default;

Outcome WebhookNotifier::Notify(const Notification& notification, Progress& progress) {
  return impl_->Notify(notification, progress);
}

}  // namespace outlive
