#include "outlive/notify/email_notifier.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_split.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <string>
#include <thread>
#include <vector>

#include "notify/mail_text.h"
#include "tests/notify/child.h"
#include "tests/notify/closed_port.h"
#include "tests/notify/rig.h"

namespace {

namespace json = boost::json;
using outlive::Email;
using outlive::EmailNotifier;
using outlive::EmailNotifierOptions;
using outlive::Notification;
using outlive::Outcome;
using outlive::Secret;
using outlive::SmtpSecurity;
using outlive::testing::Child;
using outlive::testing::MessageOf;
using outlive::testing::TestNotification;
using outlive::testing::Text;
using Kind = Outcome::Kind;

// A server of mail and a notifier that may use it.
struct Rig {
  explicit Rig(const std::vector<std::string>& arguments = {},
               const std::string& script = "smtp_server.py")
      : server(script, arguments) {
    options.host = "127.0.0.1";
    options.port = server.port();
    options.security = SmtpSecurity::kNone;
    options.from_address = "reports@example.com";
    options.clock = &clock;
  }

  Outcome Send(const Notification& notification) {
    return EmailNotifier::Create(options).value()->Notify(notification, progress);
  }
  Outcome Send(const std::string& to = "ann@example.org") { return Send(TestNotification(to)); }

  // Has this message sent instead of the default one.
  void Compose(Email email) {
    options.composer = [email = std::move(email)](const Notification&) { return email; };
  }

  Child server;
  outlive::testing::ManualClock clock;
  outlive::testing::TestProgress progress;
  EmailNotifierOptions options;
};

std::string Header(const json::object& message, const std::string& name) {
  std::string found;
  for (const json::value& header : message.at("headers").as_array()) {
    if (header.at(0).as_string() == name) {
      REQUIRE(found.empty());
      found = header.at(1).as_string().c_str();
    }
  }
  return found;
}

std::string Part(const json::object& message, std::size_t index, const std::string& type) {
  const json::object& part = message.at("parts").as_array().at(index).as_object();
  CHECK(Text(part, "type") == type);
  return Text(part, "text");
}

// Every byte that a connection to smtp_script.py has brought.
std::string RawBytes(Child& server) {
  std::string bytes;
  REQUIRE(absl::Base64Unescape(Text(server.Next(), "raw"), &bytes));
  return bytes;
}

}  // namespace

// -- What is sent -------------------------------------------------------------------------------

TEST_CASE("a mail has a text and an HTML part, the link in both, and the right headers") {
  Rig rig;
  rig.options.from_name = "Отчёты \"и\" <прочее>";
  Notification notification = TestNotification("ann+jobs@example.org");
  notification.data = R"({"subject": "Ваш отчёт готов", "text": "Strikes of 2024 & <more>.",)"
                      R"( "link": "https://example.com/a?exp=1&sig=x", "unknown": 1})";
  CHECK(rig.Send(notification).kind() == Kind::kDone);

  const json::object message = rig.server.Next();
  CHECK(Text(message, "from") == "reports@example.com");
  CHECK(message.at("to").as_array() == json::array{"ann+jobs@example.org"});
  CHECK(Text(message, "ehlo") == "example.com");
  CHECK(Text(message, "type") == "multipart/alternative");
  CHECK(message.at("defects").as_array().empty());
  CHECK(Header(message, "Subject") == "Ваш отчёт готов");
  CHECK(Header(message, "From") == "\"Отчёты \\\"и\\\" <прочее>\" <reports@example.com>");
  CHECK(Header(message, "To") == "ann+jobs@example.org");
  CHECK(Header(message, "Date") == "Thu, 01 Jan 2026 00:00:00 +0000");
  CHECK(Header(message, "Message-ID") == "<msg_store_7@example.com>");
  CHECK(Header(message, "Auto-Submitted") == "auto-generated");
  CHECK(Header(message, "Mime-Version") == "1.0");

  CHECK(message.at("parts").as_array().size() == 2);
  CHECK(Part(message, 0, "text/plain") ==
        "Job 42 has completed (report.render).\r\n\r\nStrikes of 2024 & <more>.\r\n\r\n"
        "https://example.com/a?exp=1&sig=x\r\n");
  const std::string html = Part(message, 1, "text/html");
  CHECK(html.find("<title>Ваш отчёт готов</title>") != std::string::npos);
  CHECK(html.find("Strikes of 2024 &amp; &lt;more&gt;.") != std::string::npos);
  CHECK(html.find("<a href=\"https://example.com/a?exp=1&amp;sig=x\">") != std::string::npos);
}

TEST_CASE("a retry has the same Message-ID") {
  Rig rig;
  CHECK(rig.Send().kind() == Kind::kDone);
  rig.clock.Advance(absl::Hours(5));
  CHECK(rig.Send().kind() == Kind::kDone);
  const json::object first = rig.server.Next(), second = rig.server.Next();
  CHECK(Header(first, "Message-ID") == Header(second, "Message-ID"));
  CHECK(Header(first, "Date") != Header(second, "Date"));
}

TEST_CASE("any text arrives as it was, whatever SMTP thinks of its lines (N04)") {
  Rig rig;
  std::string every_character;
  for (char32_t c : {U'é', U'я', U'\u0627', U'漢', U'\U0001D11E', U'\u202E', U'\u0085'}) {
    // Through the encoder of the test's own language.
    if (c < 0x800) {
      every_character += static_cast<char>(0xC0 | c >> 6);
    } else if (c < 0x10000) {
      every_character += static_cast<char>(0xE0 | c >> 12);
      every_character += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    } else {
      every_character += static_cast<char>(0xF0 | c >> 18);
      every_character += static_cast<char>(0x80 | (c >> 12 & 0x3F));
      every_character += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    }
    every_character += static_cast<char>(0x80 | (c & 0x3F));
  }
  const std::vector<std::string> texts = {
      "\n.\n",
      ".\n..\n...\nMAIL FROM:<eve@example.com>\n.\n",
      "a\r\n.\r\nQUIT\r\n",
      "a\n\rb\r.\r\rc",
      "From here\nFrom there\n",
      "trailing blanks   \ntrailing tab\t\n = =3D =\n",
      std::string(5'000, 'x') + "\n" + std::string(2'000, ' ') + "\n",
      std::string("NUL \0 and \x01 \x7f", 12),
      every_character,
      "--\nnot a boundary\n--=_\n--------------------------\n",
      "no end of line",
  };
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 60));
    rig.Compose({.subject = "x", .text = text, .html = text});
    REQUIRE(rig.Send().kind() == Kind::kDone);
    const json::object message = rig.server.Next();
    // Every line end arrives as CRLF; all else as it was.
    const std::string wanted = outlive::internal::ToCrlf(text);
    const bool text_arrived = Part(message, 0, "text/plain") == wanted;
    const bool html_arrived = Part(message, 1, "text/html") == wanted;
    CHECK(text_arrived);
    CHECK(html_arrived);
  }
}

TEST_CASE("on the wire every line is short, ends in CRLF, and none is a lone dot (N04)") {
  Rig rig({}, "smtp_script.py");
  rig.options.from_name = "Отчёты отчёты отчёты отчёты отчёты отчёты отчёты";
  std::string subject;
  for (int i = 0; i < 50; ++i) subject += "тема ";
  rig.Compose({.subject = subject,
               .text = "\n.\n..\nx\r.\r\n" + std::string(3'000, '.') + "\n" + subject + "\n",
               .html = "<p>\n.\n</p>" + std::string(3'000, 'y')});
  CHECK(rig.Send().kind() == Kind::kDone);
  const std::string raw = RawBytes(rig.server);
  REQUIRE(raw.find("DATA\r\n") != std::string::npos);
  int lone_dots = 0;
  for (std::size_t start = 0; start < raw.size();) {
    const std::size_t end = raw.find("\r\n", start);
    REQUIRE(end != std::string::npos);
    const std::string line = raw.substr(start, end - start);
    CAPTURE(line);
    // The boundary that libcurl writes makes one line of the header longer.
    CHECK(line.size() <= (line.find("boundary=") == std::string::npos ? 78 : 100));
    CHECK(line.find_first_of(std::string("\r\n\0", 3)) == std::string::npos);
    for (const char c : line) CHECK(static_cast<unsigned char>(c) < 0x80);
    if (line == ".") ++lone_dots;
    start = end + 2;
  }
  CHECK(lone_dots == 1);  // The end.
}

TEST_CASE("a message without HTML has one part") {
  Rig rig;
  rig.Compose({.subject = "x", .text = "only text", .html = ""});
  CHECK(rig.Send().kind() == Kind::kDone);
  const json::object message = rig.server.Next();
  CHECK(message.at("parts").as_array().size() == 1);
  CHECK(Part(message, 0, "text/plain") == "only text");
}

TEST_CASE("the default composer tells every end, and escapes what came from outside") {
  Notification notification = TestNotification("ann@example.org");
  notification.end.error = "<script>alert(1)</script> & \"more\"";
  const Email completed = outlive::ComposeJobEmail(notification).value();
  CHECK(completed.subject == "Job 42 has completed");
  CHECK(completed.text == "Job 42 has completed (report.render).\n");

  notification.end.state = outlive::JobState::kDead;
  const Email dead = outlive::ComposeJobEmail(notification).value();
  CHECK(dead.subject == "Job 42 has failed");
  CHECK(dead.text.find(notification.end.error) != std::string::npos);
  CHECK(dead.html.find("<script>") == std::string::npos);
  CHECK(dead.html.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;") !=
        std::string::npos);

  notification.end.state = outlive::JobState::kCancelled;
  notification.data = "plain words of the host";
  const Email cancelled = outlive::ComposeJobEmail(notification).value();
  CHECK(cancelled.subject == "Job 42 was cancelled");
  CHECK(cancelled.text.find("plain words of the host") != std::string::npos);
}

TEST_CASE("the default composer takes links of the web only") {
  Notification notification = TestNotification("ann@example.org");
  for (const std::string link :
       {"javascript:alert(1)", "data:text/html,x", "//example.com", "ftp://example.com",
        "https://example.com/a b", "https://example.com/\\u000d\\u000aX: y", " https://x"}) {
    CAPTURE(link);
    notification.data = R"({"link": ")" + link + "\"}";
    CHECK(absl::IsInvalidArgument(outlive::ComposeJobEmail(notification).status()));
  }
  notification.data = R"({"link": 5})";
  CHECK(outlive::ComposeJobEmail(notification).status().message().find("link") !=
        absl::string_view::npos);
  notification.data = R"({"link": )";
  CHECK(absl::IsInvalidArgument(outlive::ComposeJobEmail(notification).status()));
}

// -- What comes back ----------------------------------------------------------------------------

TEST_CASE("refusals that may pass are tried again, those that will not are dead (N01)") {
  struct Row {
    std::vector<std::string> replies;
    Kind kind;
    std::string code;
  };
  const Row rows[] = {
      {{"MAIL=451 later"}, Kind::kRetry, "451"},
      {{"MAIL=550 not you"}, Kind::kDead, "550"},
      {{"MAIL=530 authenticate first"}, Kind::kRetry, "530"},
      {{"RCPT=450 greylisted"}, Kind::kRetry, "450"},
      {{"RCPT=452 mailbox full"}, Kind::kRetry, "452"},
      {{"RCPT=550 no such user"}, Kind::kDead, "550"},
      {{"RCPT=553 bad name"}, Kind::kDead, "553"},
      {{"DATA=451 later"}, Kind::kRetry, "451"},
      {{"DATA=554 no"}, Kind::kDead, "554"},
      {{"END=452 disk full"}, Kind::kRetry, "452"},
      {{"END=421 going down"}, Kind::kRetry, "421"},
      {{"END=554 spam"}, Kind::kDead, "554"},
      {{"GREETING=421 too busy"}, Kind::kRetry, "421"},
      {{"GREETING=554 not for you"}, Kind::kRetry, "554"},
      {{"GREETING=HTTP/1.1 400 Bad Request"}, Kind::kRetry, "no reply"},
      {{"EHLO=502 too new"}, Kind::kDone, ""},
      {{"EHLO=502 too new", "HELO=421 no"}, Kind::kRetry, "421"},
      {{"EHLO=550 no", "HELO=550 no"}, Kind::kRetry, "550"},
      {{"QUIT=500 what"}, Kind::kDone, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.replies.front());
    std::vector<std::string> arguments;
    for (const std::string& reply : row.replies) {
      arguments.insert(arguments.end(), {"--reply", reply});
    }
    Rig rig(arguments, "smtp_script.py");
    // What is no reply at all is waited for.
    if (row.code == "no reply") rig.options.timeout = absl::Milliseconds(500);
    const Outcome outcome = rig.Send();
    CHECK(outcome.kind() == row.kind);
    CHECK(MessageOf(outcome).find(row.code) != std::string::npos);
    CHECK_FALSE(outcome.after().has_value());
  }
}

TEST_CASE("a server that hangs, drips or breaks off at any step costs the deadline only (N02)") {
  for (const std::string step : {"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"}) {
    for (const std::string how : {"--hang", "--drip", "--close"}) {
      CAPTURE(step);
      CAPTURE(how);
      Rig rig({how, step}, "smtp_script.py");
      rig.options.timeout = absl::Milliseconds(400);
      const Outcome outcome = rig.Send();
      CHECK(outcome.kind() == Kind::kRetry);
      CHECK(absl::IsUnavailable(outcome.status()));
    }
  }
}

TEST_CASE("a message that was taken is delivered, whatever becomes of the farewell (N02)") {
  for (const std::string how : {"--hang", "--drip", "--close"}) {
    CAPTURE(how);
    Rig rig({how, "QUIT"}, "smtp_script.py");
    rig.options.reply_timeout = absl::Seconds(1);
    CHECK(rig.Send().kind() == Kind::kDone);
  }
}

TEST_CASE("a server that is not there is tried again (N01)") {
  Rig rig;
  const outlive::testing::ClosedPort nobody;
  rig.options.port = nobody.port();
  const Outcome outcome = rig.Send();
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(MessageOf(outcome) == "the e-mail was not sent: Couldn't connect to server (no reply)");
}

TEST_CASE("a delivery that is cancelled ends at once") {
  Rig rig({"--hang", "RCPT"}, "smtp_script.py");
  rig.options.timeout = absl::Minutes(30);
  rig.options.reply_timeout = absl::Minutes(30);
  rig.progress.cancel = true;
  const Outcome outcome = rig.Send();
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsCancelled(outcome.status()));
}

// -- TLS and passwords --------------------------------------------------------------------------

TEST_CASE("where STARTTLS is not offered, nothing is sent (N03)") {
  for (const bool offered : {false, true}) {
    CAPTURE(offered);
    // Offered, but refused: somebody between has cut it out.
    Rig rig(offered
                ? std::vector<std::string>{"--offer", "STARTTLS", "--reply", "STARTTLS=454 not now"}
                : std::vector<std::string>{"--offer", "AUTH PLAIN LOGIN"},
            "smtp_script.py");
    rig.options.security = SmtpSecurity::kStartTls;
    rig.options.username = "user";
    rig.options.password = Secret("canary-password");
    const Outcome outcome = rig.Send();
    CHECK(outcome.kind() == Kind::kRetry);
    const std::string raw = RawBytes(rig.server);
    CHECK(raw.find("EHLO") != std::string::npos);
    CHECK(raw.find("MAIL") == std::string::npos);
    CHECK(raw.find("AUTH") == std::string::npos);
    CHECK(raw.find("canary") == std::string::npos);
  }
}

TEST_CASE("STARTTLS needs a good certificate (N03, Z12)") {
  Rig rig({"--starttls"});
  rig.options.security = SmtpSecurity::kStartTls;
  const Outcome refused = rig.Send("unchecked@example.org");
  CHECK(refused.kind() == Kind::kRetry);
  CHECK(MessageOf(refused).find("certificate") != std::string::npos);

  rig.options.ca_file = rig.server.certificate();
  CHECK(rig.Send("checked@example.org").kind() == Kind::kDone);
  const json::object message = rig.server.Next();
  CHECK(message.at("to").as_array() == json::array{"checked@example.org"});
  CHECK(message.at("tls").as_bool());
}

TEST_CASE("TLS from the first byte needs a good certificate (Z12)") {
  Rig rig({"--tls"});
  rig.options.security = SmtpSecurity::kTls;
  CHECK(rig.Send("unchecked@example.org").kind() == Kind::kRetry);
  rig.options.ca_file = rig.server.certificate();
  CHECK(rig.Send("checked@example.org").kind() == Kind::kDone);
  CHECK(rig.server.Next().at("to").as_array() == json::array{"checked@example.org"});
}

TEST_CASE("a password opens the server, and a wrong one is tried again and never shown (Z01)") {
  Rig rig({"--starttls", "--user", "user", "--password", "canary-good"});
  rig.options.security = SmtpSecurity::kStartTls;
  rig.options.ca_file = rig.server.certificate();
  const Outcome without = rig.Send();
  CHECK(without.kind() == Kind::kRetry);
  CHECK(MessageOf(without).find("530") != std::string::npos);

  rig.options.username = "user";
  rig.options.password = Secret("canary-wrong");
  const Outcome wrong = rig.Send();
  CHECK(wrong.kind() == Kind::kRetry);
  CHECK(MessageOf(wrong).find("535") != std::string::npos);
  CHECK(MessageOf(wrong).find("canary") == std::string::npos);

  rig.options.password = Secret("canary-good");
  CHECK(rig.Send().kind() == Kind::kDone);
  CHECK(Text(rig.server.Next(), "user") == "user");
}

// -- Bad input ----------------------------------------------------------------------------------

TEST_CASE("whatever would end in a header is refused where it could break out of it (N04)") {
  Rig rig({}, "smtp_script.py");
  for (const std::string& to :
       {std::string(), std::string("ann"), std::string("ann@example.org\r\nBcc: eve@example.org"),
        std::string("ann@example.org\nRCPT TO:<eve@example.org>"),
        std::string("ann@example.org\0eve", 19), std::string("ann@example.org> SIZE=1"),
        std::string("Ann <ann@example.org>"), std::string("ann@example.org, eve@example.org")}) {
    CAPTURE(to);
    const Outcome outcome = rig.Send(to);
    CHECK(outcome.kind() == Kind::kDead);
    CHECK(MessageOf(outcome) == "the target is not an e-mail address");
  }
  for (const std::string& subject :
       {std::string(), std::string("a\r\nBcc: eve@example.org"), std::string("a\nb"),
        std::string("a\rb"), std::string("a\0b", 3), std::string("\xff"), std::string(501, 'x')}) {
    rig.Compose({.subject = subject, .text = "x", .html = "x"});
    CHECK(rig.Send().kind() == Kind::kDead);
  }
  for (const Email& email : {Email{"x", "", "x"}, Email{"x", "\xff", "x"}, Email{"x", "x", "\xc3("},
                             Email{"x", std::string((1 << 20) + 1, 'x'), ""}}) {
    rig.Compose(email);
    CHECK(rig.Send().kind() == Kind::kDead);
  }
  Notification notification = TestNotification("ann@example.org");
  for (const std::string id : {"", "a b", "a\r\nX: y", "a>b", "a..b", "a@b"}) {
    notification.id = id;
    CHECK(rig.Send(notification).kind() == Kind::kDead);
  }
  // Nothing of all that was said to a server.
  rig.options.composer = nullptr;
  CHECK(rig.Send("ann@example.org").kind() == Kind::kDone);
  CHECK(RawBytes(rig.server).find("RCPT TO:<ann@example.org>\r\n") != std::string::npos);
}

TEST_CASE("a composer says whether trying again makes sense") {
  Rig rig;
  rig.options.composer = [](const Notification&) -> absl::StatusOr<Email> {
    return absl::InvalidArgumentError("no template for this");
  };
  CHECK(rig.Send().kind() == Kind::kDead);
  rig.options.composer = [](const Notification&) -> absl::StatusOr<Email> {
    return absl::UnavailableError("the database is away");
  };
  CHECK(rig.Send().kind() == Kind::kRetry);
}

TEST_CASE("all faults of the options are told at once, without the password (Z01)") {
  EmailNotifierOptions options;
  options.host = "mail.example.com\r\n";
  options.port = 0;
  options.security = SmtpSecurity::kNone;
  options.username = "user";
  options.password = Secret("canary");
  options.from_address = "Reports <reports@example.com>";
  options.from_name = "a\r\nBcc: eve@example.com";
  options.ehlo_name = "x\r\nMAIL FROM:<eve@example.com>";
  options.connect_timeout = absl::ZeroDuration();
  options.reply_timeout = absl::InfiniteDuration();
  options.timeout = absl::Seconds(-1);
  const absl::Status status = EmailNotifier::Create(options).status();
  CHECK(absl::IsInvalidArgument(status));
  const std::string text(status.message());
  for (const std::string fault :
       {"host", "port", "without TLS", "from_address", "from_name", "ehlo_name", "connect_timeout",
        "reply_timeout", "timeout must"}) {
    CAPTURE(fault);
    CHECK(text.find(fault) != std::string::npos);
  }
  CHECK(text.find("canary") == std::string::npos);
}

TEST_CASE("many threads send at once") {
  Rig rig;
  auto notifier = EmailNotifier::Create(rig.options).value();
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      outlive::testing::TestProgress progress;
      for (int i = 0; i < 10; ++i) {
        if (notifier->Notify(TestNotification("ann@example.org"), progress).kind() == Kind::kDone) {
          ++done;
        }
      }
    });
  }
  for (int i = 0; i < 40; ++i) CHECK(Header(rig.server.Next(), "To") == "ann@example.org");
  for (std::thread& thread : threads) thread.join();
  CHECK(done == 40);
}
