// EmailNotifier sends notifications as e-mail through one SMTP server (the host's relay).
//
//   Notification ──► composer ──► subject, text, HTML ──► MIME ──► SMTP
//
// A Notification's target is one address: an ASCII addr-spec, "ann@example.com", without a name, a
// comment or quotes. Whatever ends in a header is refused where it holds CR, LF or NUL.
//
// Outcomes:
//   the server has accepted the message        Done. It may still bounce later.
//   4xx, no connection, TLS failed, time-out,  Retry by the job's policy.
//   the server refuses us (greeting, EHLO,
//   STARTTLS, authentication)
//   5xx to sender, recipient or message        Dead, with the reply's code.
//   bad address, composer's kInvalidArgument   Dead.
//
// The Message-ID is made of the notification's id and is the same in every attempt. A connection
// that breaks after the last byte may make a message arrive twice.
//
// Thread-safety: Notify() may be called from many threads at once; each call blocks its thread for
//                at most `timeout` and a second, plus what the system's resolver needs to give up.
// Lifetime:      the clock outlives it.
// Time:          the header Date from the options' clock; time limits run on the machine's.
// Cancellation:  Progress::cancelled() ends a delivery within a second, as Retry.
// Errors:        texts tell the step and the reply's code, never an address or a password.
#ifndef OUTLIVE_NOTIFY_EMAIL_NOTIFIER_H_
#define OUTLIVE_NOTIFY_EMAIL_NOTIFIER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <boost/describe/class.hpp>
#include <functional>
#include <memory>
#include <string>

#include "outlive/core/clock.h"
#include "outlive/core/notifier.h"
#include "outlive/core/secret.h"

namespace outlive {

// What a message says. UTF-8; line ends may be LF or CRLF.
struct Email {
  std::string subject = {};  // One line, 1 to 500 bytes.
  std::string text = {};     // For those who read plain text.
  std::string html = {};     // The same in HTML. Empty: plain text only.
};

// Makes the message. kInvalidArgument: it cannot be made, ever (Dead); any other error: Retry. May
// be called from many threads at once.
using EmailComposer = std::function<absl::StatusOr<Email>(const Notification&)>;

// What ComposeJobEmail() reads from Notification::data. Every member may be left out.
struct EmailData {
  std::string subject = {};  // Empty: "Job 42 has completed".
  std::string text = {};     // A sentence or two before the link.
  std::string link = {};     // http:// or https://.
};
BOOST_DESCRIBE_STRUCT(EmailData, (), (subject, text, link))

// The default composer: how the job ended, the host's text, the error of a dead job, and the link.
//
// A link to what the job has made is known only when it has ended. A host that wants one there
// wraps this: it signs a link to `end.output`, puts it into the data, and calls this.
absl::StatusOr<Email> ComposeJobEmail(const Notification& notification);

enum class SmtpSecurity {
  kStartTls,  // STARTTLS, and nothing is sent where the server does not offer it.
  kTls,       // TLS from the first byte (port 465).
  kNone,      // In the clear: for a relay on this machine. Never with a password.
};

// Create() checks every field and reports all faults in one kInvalidArgument.
struct EmailNotifierOptions {
  // The relay: a host name or an address, and its port.
  std::string host = {};
  int port = 587;
  SmtpSecurity security = SmtpSecurity::kStartTls;

  // Empty: no authentication.
  std::string username = {};
  Secret password = {};

  // A file of certificates (PEM) to trust instead of the system's. Empty: the system's.
  std::string ca_file = {};

  // Who sends. The name may be empty.
  std::string from_address = {};
  std::string from_name = {};

  // How this machine calls itself to the relay: a host name. Empty: the domain of from_address.
  std::string ehlo_name = {};

  // Null: ComposeJobEmail.
  EmailComposer composer = {};

  // Until the connection stands, for each reply, and for all of it. Positive, at most an hour.
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration reply_timeout = absl::Seconds(30);
  absl::Duration timeout = absl::Minutes(1);

  // Null: the system's.
  const Clock* clock = nullptr;
};

class EmailNotifier final : public Notifier {
 public:
  static absl::StatusOr<std::unique_ptr<EmailNotifier>> Create(EmailNotifierOptions options);
  ~EmailNotifier() override;

  Outcome Notify(const Notification& notification, Progress& progress) override;

 private:
  explicit EmailNotifier(EmailNotifierOptions options);

  EmailNotifierOptions options_;
};

}  // namespace outlive

#endif  // OUTLIVE_NOTIFY_EMAIL_NOTIFIER_H_
