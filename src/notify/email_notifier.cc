#include "outlive/notify/email_notifier.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/faults.h"
#include "core/utf8.h"
#include "notify/curl_transfer.h"
#include "notify/mail_text.h"

namespace outlive {
namespace {

using internal::CurlTransfer;

constexpr absl::Duration kTimeoutMax = absl::Hours(1);
constexpr std::size_t kSubjectBytesMax = 500;
constexpr std::size_t kIdBytesMax = 128;
constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

bool IsAddressLiteral(const std::string& host, int family) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(family, host.c_str(), bytes) == 1;
}

std::string DomainOf(const std::string& address) { return address.substr(address.rfind('@') + 1); }

absl::Status ValidateOptions(const EmailNotifierOptions& options) {
  internal::Faults faults("e-mail notifier");
  const auto is_timeout = [](absl::Duration timeout) {
    return timeout > absl::ZeroDuration() && timeout <= kTimeoutMax;
  };
  faults.Require(internal::IsHostName(options.host) || IsAddressLiteral(options.host, AF_INET6),
                 "host must be a host name or an address");
  faults.Require(options.port >= 1 && options.port <= 65'535, "port must be from 1 to 65535");
  faults.Require(options.security != SmtpSecurity::kNone || options.username.empty(),
                 "a password must not be sent without TLS");
  faults.Require(options.username.empty() == options.password.empty(),
                 "username and password go together");
  faults.Require(options.username.find('\0') == std::string::npos &&
                     options.password.Reveal().find('\0') == std::string_view::npos,
                 "username and password must not hold a NUL");
  faults.Require(internal::IsMailAddress(options.from_address),
                 "from_address must be like \"reports@example.com\"");
  faults.Require(options.from_name.size() <= 255 && internal::IsHeaderText(options.from_name),
                 "from_name must be one line of UTF-8 of at most 255 bytes");
  faults.Require(options.ehlo_name.empty() || internal::IsHostName(options.ehlo_name),
                 "ehlo_name must be a host name");
  faults.Require(is_timeout(options.connect_timeout),
                 "connect_timeout must be positive and at most an hour");
  faults.Require(is_timeout(options.reply_timeout),
                 "reply_timeout must be positive and at most an hour");
  faults.Require(is_timeout(options.timeout), "timeout must be positive and at most an hour");
  return faults.ToStatus();
}

// What the composer has made, or why it cannot be sent.
absl::Status ValidateEmail(const Email& email) {
  internal::Faults faults("e-mail");
  faults.Require(!email.subject.empty() && email.subject.size() <= kSubjectBytesMax &&
                     internal::IsHeaderText(email.subject),
                 "the subject must be one line of UTF-8 of 1 to 500 bytes");
  faults.Require(!email.text.empty(), "there must be a text");
  faults.Require(email.text.size() <= kBodyBytesMax && email.html.size() <= kBodyBytesMax,
                 "text and HTML may have 1 MiB each");
  faults.Require(internal::IsUtf8(email.text) && internal::IsUtf8(email.html),
                 "text and HTML must be UTF-8");
  return faults.ToStatus();
}

// smtp://host:port/ehlo-name, put together by libcurl.
internal::CurlUrl ServerUrl(const EmailNotifierOptions& options) {
  internal::CurlUrl url(curl_url());
  const auto set = [&](CURLUPart part, const std::string& text) {
    if (url != nullptr && curl_url_set(url.get(), part, text.c_str(), 0) != CURLUE_OK) url.reset();
  };
  const bool brackets = options.host.find(':') != std::string::npos;
  set(CURLUPART_SCHEME, options.security == SmtpSecurity::kTls ? "smtps" : "smtp");
  set(CURLUPART_HOST, brackets ? fmt::format("[{}]", options.host) : options.host);
  set(CURLUPART_PORT, fmt::format("{}", options.port));
  set(CURLUPART_PATH,
      "/" + (options.ehlo_name.empty() ? DomainOf(options.from_address) : options.ehlo_name));
  return url;
}

// Where to send to, and how safely.
void SetServer(CurlTransfer& transfer, const EmailNotifierOptions& options, CURLU* url) {
  transfer.Set(CURLOPT_CURLU, url);
  transfer.Set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  // With STARTTLS this means: or nothing is sent.
  if (options.security != SmtpSecurity::kNone) {
    transfer.Set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  }
  const std::int64_t reply_seconds =
      absl::ToInt64Seconds(absl::Ceil(options.reply_timeout, absl::Seconds(1)));
  transfer.Set(CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(reply_seconds));
  if (options.username.empty()) return;
  std::string password(options.password.Reveal());
  transfer.Set(CURLOPT_USERNAME, options.username.c_str());
  transfer.Set(CURLOPT_PASSWORD, password.c_str());
  Secret::Wipe(password.data(), password.size());
}

// Adds one body; quoted-printable, so that lines are short and no byte means anything to SMTP.
bool AddBody(curl_mime* mime, const std::string& text, const char* type) {
  curl_mimepart* const part = curl_mime_addpart(mime);
  const std::string lines = internal::ToCrlf(text);
  return part != nullptr && curl_mime_data(part, lines.data(), lines.size()) == CURLE_OK &&
         curl_mime_type(part, type) == CURLE_OK &&
         curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

// Replies that are about us and not about this message: no such password, no such right.
bool IsAboutUs(long reply) { return reply == 530 || reply == 534 || reply == 535 || reply == 538; }

Outcome Judge(const CurlTransfer& transfer, CURLcode code) {
  if (code == CURLE_OK) return Done();
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return Retry(absl::CancelledError("the e-mail was given up: the job was asked to stop"));
  }
  const long reply = transfer.response_code();
  // libcurl tells a refused sender, recipient or DATA as a failed sending, and a refused message as
  // a weird reply after all of it was sent; an unfriendly greeting is a weird reply, too.
  const bool about_message = code == CURLE_SEND_ERROR ||
                             (code == CURLE_WEIRD_SERVER_REPLY && transfer.uploaded_bytes() > 0);
  if (about_message && reply >= 500 && reply < 600 && !IsAboutUs(reply)) {
    return Dead(
        fmt::format("the mail server has refused sender, recipient or message: reply {}", reply));
  }
  const std::string last = reply > 0 ? fmt::format("last reply {}", reply) : "no reply";
  return Retry(absl::UnavailableError(
      fmt::format("the e-mail was not sent: {} ({})", curl_easy_strerror(code), last)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmailNotifier>> EmailNotifier::Create(EmailNotifierOptions options) {
  if (absl::Status valid = ValidateOptions(options); !valid.ok()) return valid;
  if (!options.composer) options.composer = ComposeJobEmail;
  if (options.clock == nullptr) options.clock = &SystemClockInstance();
  return std::unique_ptr<EmailNotifier>(new EmailNotifier(std::move(options)));
}

EmailNotifier::EmailNotifier(EmailNotifierOptions options) : options_(std::move(options)) {}
EmailNotifier::~EmailNotifier() = default;

Outcome EmailNotifier::Notify(const Notification& notification, Progress& progress) {
  const std::string& to = notification.target;
  if (!internal::IsMailAddress(to)) return Dead("the target is not an e-mail address");
  if (notification.id.size() > kIdBytesMax || !internal::IsDotAtom(notification.id)) {
    return Dead("the notification's id cannot stand in a Message-ID");
  }
  const absl::StatusOr<Email> email = options_.composer(notification);
  if (absl::IsInvalidArgument(email.status())) return Dead(Message(email.status()));
  if (!email.ok()) return Retry(email.status());
  if (absl::Status valid = ValidateEmail(*email); !valid.ok()) return Dead(Message(valid));

  CurlTransfer transfer({options_.connect_timeout, options_.timeout, options_.ca_file}, progress);
  const internal::CurlUrl url = ServerUrl(options_);
  const internal::CurlMime mime(transfer.easy() != nullptr ? curl_mime_init(transfer.easy())
                                                           : nullptr);
  if (url == nullptr || mime == nullptr ||
      !AddBody(mime.get(), email->text, "text/plain; charset=utf-8") ||
      (!email->html.empty() && !AddBody(mime.get(), email->html, "text/html; charset=utf-8"))) {
    return Retry(absl::ResourceExhaustedError("the e-mail cannot be put together"));
  }
  SetServer(transfer, options_, url.get());
  // Later parts are richer: RFC 2046 section 5.1.4.
  transfer.AddHeader("Content-Type: multipart/alternative");
  transfer.AddHeader("Date: " + internal::FormatMailDate(options_.clock->Now()));
  transfer.AddHeader("From: " + internal::FormatMailbox(options_.from_name, options_.from_address));
  transfer.AddHeader("To: " + to);
  transfer.AddHeader("Subject: " + internal::EncodeHeaderText(email->subject));
  transfer.AddHeader(
      fmt::format("Message-ID: <{}@{}>", notification.id, DomainOf(options_.from_address)));
  transfer.AddHeader("Auto-Submitted: auto-generated");
  const std::unique_ptr<curl_slist, internal::CurlFree<curl_slist_free_all>> recipients(
      curl_slist_append(nullptr, to.c_str()));
  transfer.Set(CURLOPT_MAIL_FROM, options_.from_address.c_str());
  transfer.Set(CURLOPT_MAIL_RCPT, recipients.get());
  transfer.Set(CURLOPT_MIMEPOST, mime.get());
  const CURLcode code = transfer.Perform();
  return Judge(transfer, code);
}

}  // namespace outlive
