#include "outlive/notify/webhook_notifier.h"

#include <absl/strings/escaping.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "outlive/notify/webhook_signature.h"
#include "tests/notify/child.h"
#include "tests/notify/closed_port.h"
#include "tests/notify/rig.h"

namespace {

namespace json = boost::json;
using outlive::Notification;
using outlive::Outcome;
using outlive::Secret;
using outlive::WebhookEndpoint;
using outlive::WebhookNotifier;
using outlive::WebhookNotifierOptions;
using outlive::testing::Child;
using outlive::testing::MessageOf;
using outlive::testing::TestNotification;
using outlive::testing::Text;
using Kind = Outcome::Kind;

const std::string kSecret = "whsec_" + absl::Base64Escape("canary-secret-of-32-bytes-at-all");
const std::string kNewSecret = "whsec_" + absl::Base64Escape("canary-secret-of-32-bytes-anew!!");

// A receiver, and a notifier that may post to it. Targets are the paths that receiver knows.
struct Rig {
  explicit Rig(const std::vector<std::string>& arguments = {"--secret", kSecret},
               const std::string& scheme = "http")
      : receiver("webhook_receiver.py", arguments) {
    base = fmt::format("{}://127.0.0.1:{}/", scheme, receiver.port());
    options.allow_http = scheme == "http";
    options.ports = {receiver.port()};
    options.allowed_networks = {"127.0.0.1/32"};
    options.clock = &clock;
    options.log = &log;
    options.failure_count_max = 1'000;
    options.find_endpoint = [this](const std::string& target) -> absl::StatusOr<WebhookEndpoint> {
      return WebhookEndpoint{base + target, {Secret(kSecret)}};
    };
  }

  WebhookNotifier& notifier() {
    if (!made) made = WebhookNotifier::Create(options).value();
    return *made;
  }

  Outcome Notify(const std::string& target) {
    return notifier().Notify(TestNotification(target), progress);
  }

  Child receiver;
  std::string base;
  outlive::testing::ManualClock clock;
  outlive::testing::TestLog log;
  outlive::testing::TestProgress progress;
  WebhookNotifierOptions options;
  std::unique_ptr<WebhookNotifier> made;
};

// Sets a variable of the environment, until it is destroyed.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    REQUIRE(getenv(name) == nullptr);
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace

// -- What is sent -------------------------------------------------------------------------------

TEST_CASE("a webhook has the Standard's headers, and its signature holds at the receiver") {
  Rig rig;
  Notification notification = TestNotification("ok");
  notification.end.output = "0123456789abcdef0123456789abcdef";
  notification.data = R"({"user": 7, "tags": ["a", null, 1.5]})";
  CHECK(rig.notifier().Notify(notification, rig.progress).kind() == Kind::kDone);

  const json::object request = rig.receiver.Next();
  CHECK(Text(request, "path") == "/ok");
  CHECK(request.at("signed").as_array() == json::array{true});
  const json::object& headers = request.at("headers").as_object();
  CHECK(Text(headers, "content-type") == "application/json");
  CHECK(Text(headers, "user-agent") == "outlive");
  CHECK(Text(headers, "webhook-id") == "msg_store_7");
  CHECK(Text(headers, "webhook-timestamp") == "1767225600");
  CHECK(Text(headers, "traceparent") == notification.traceparent);
  for (const char* const absent : {"accept-encoding", "expect", "cookie", "authorization"}) {
    CHECK_FALSE(headers.contains(absent));
  }
  CHECK(json::parse(Text(request, "body")) == json::parse(R"({
    "type": "job.completed", "timestamp": "2025-12-31T23:59:59.5Z",
    "data": {"job": {"id": "42", "kind": "report.render", "queue": "reports", "state": "completed",
                     "attempt": 2, "generation": 1, "ended_at": "2025-12-31T23:59:59.5Z"},
             "output": "0123456789abcdef0123456789abcdef",
             "data": {"user": 7, "tags": ["a", null, 1.5]}}})"));
}

TEST_CASE("a retry has the same id and body, and the time of the attempt") {
  Rig rig;
  (void)rig.Notify("status/500");
  rig.clock.Advance(absl::Minutes(5));
  (void)rig.Notify("status/500");
  const json::object first = rig.receiver.Next(), second = rig.receiver.Next();
  CHECK(second.at("signed").as_array() == json::array{true});
  CHECK(Text(first, "body") == Text(second, "body"));
  const auto header = [](const json::object& request, const char* name) {
    return Text(request.at("headers").as_object(), name);
  };
  CHECK(header(first, "webhook-id") == header(second, "webhook-id"));
  CHECK(header(first, "webhook-timestamp") == "1767225600");
  CHECK(header(second, "webhook-timestamp") == "1767225900");
  CHECK(header(first, "webhook-signature") != header(second, "webhook-signature"));
}

TEST_CASE("while a secret is replaced, receivers of either accept (N13)") {
  Rig rig({"--secret", kSecret, "--secret", kNewSecret});
  rig.options.endpoints["both"] = {rig.base + "ok", {Secret(kNewSecret), Secret(kSecret)}};
  rig.options.endpoints["new"] = {rig.base + "ok", {Secret(kNewSecret)}};
  CHECK(rig.Notify("both").kind() == Kind::kDone);
  CHECK(rig.Notify("new").kind() == Kind::kDone);
  CHECK(rig.receiver.Next().at("signed").as_array() == json::array{true, true});
  CHECK(rig.receiver.Next().at("signed").as_array() == json::array{false, true});
}

TEST_CASE("a body stays thin, and says what was left out") {
  Rig rig;
  Notification notification = TestNotification("ok");
  const auto body_of = [&]() -> json::object {
    REQUIRE(rig.notifier().Notify(notification, rig.progress).kind() == Kind::kDone);
    const std::string body = Text(rig.receiver.Next(), "body");
    CHECK(body.size() <= outlive::kWebhookBodyBytesMax);
    return json::parse(body).at("data").as_object();
  };
  SUBCASE("what fits is whole") {
    notification.end.output = std::string(16 * 1024, 'o');
    const json::object data = body_of();
    CHECK(Text(data, "output") == notification.end.output);
    CHECK_FALSE(data.contains("truncated"));
  }
  SUBCASE("a long output is left out") {
    notification.end.output = std::string(30'000, 'o');
    notification.end.error = "why";
    const json::object data = body_of();
    CHECK_FALSE(data.contains("output"));
    CHECK(Text(data, "error") == "why");
    CHECK(data.at("truncated").as_bool());
  }
  SUBCASE("a long error is cut between characters") {
    for (int i = 0; i < 15'000; ++i) notification.end.error += "é";
    const json::object data = body_of();
    CHECK(Text(data, "error") == notification.end.error.substr(0, 1024));
    CHECK(data.at("truncated").as_bool());
  }
  SUBCASE("an output that is no text is left out") {
    notification.end.output = "\xff\xfe";
    CHECK(body_of().at("truncated").as_bool());
  }
  SUBCASE("data of the host that is no JSON is a string") {
    notification.data = "just words";
    CHECK(Text(body_of(), "data") == "just words");
  }
  SUBCASE("data of the host that is too long is dead") {
    notification.data = "\"" + std::string(30'000, 'd') + "\"";
    const Outcome outcome = rig.notifier().Notify(notification, rig.progress);
    CHECK(outcome.kind() == Kind::kDead);
    CHECK(MessageOf(outcome) == "the webhook's body has more than 20480 bytes");
  }
}

// -- What comes back ----------------------------------------------------------------------------

TEST_CASE("the status decides (N05, N06)") {
  Rig rig;
  for (const int status : {200, 201, 202, 204, 250, 299}) {
    CAPTURE(status);
    CHECK(rig.Notify(fmt::format("status/{}", status)).kind() == Kind::kDone);
  }
  for (const int status : {300, 304, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504, 599}) {
    CAPTURE(status);
    const Outcome outcome = rig.Notify(fmt::format("status/{}", status));
    CHECK(outcome.kind() == Kind::kRetry);
    CHECK_FALSE(outcome.after().has_value());
    CHECK(MessageOf(outcome) == fmt::format("the webhook endpoint answered {}", status));
  }
  CHECK(rig.Notify("continue/202").kind() == Kind::kDone);
  CHECK(rig.Notify("continue/500").kind() == Kind::kRetry);
}

TEST_CASE("a redirect is a failure and is not followed (N06)") {
  Rig rig;
  for (const int status : {301, 302, 303, 307, 308}) {
    CHECK(rig.Notify(fmt::format("redirect/{}", status)).kind() == Kind::kRetry);
    CHECK(Text(rig.receiver.Next(), "path") == fmt::format("/redirect/{}", status));
  }
  CHECK(rig.Notify("ok/last").kind() == Kind::kDone);
  CHECK(Text(rig.receiver.Next(), "path") == "/ok/last");
}

TEST_CASE("Retry-After of 429 and 503 is kept to, within limits (N05)") {
  Rig rig;
  rig.options.retry_after_max = absl::Hours(2);
  const auto after = [&](const std::string& status, const std::string& value) {
    const Outcome outcome = rig.Notify("retry-after/" + status + "/" + value);
    CHECK(outcome.kind() == Kind::kRetry);
    return outcome.after();
  };
  CHECK(after("429", "120") == absl::Seconds(120));
  CHECK(after("503", "120") == absl::Seconds(120));
  CHECK(after("429", "0") == absl::Seconds(1));
  CHECK(after("429", "999999999999") == absl::Hours(2));
  CHECK(after("503", "Thu,%2001%20Jan%202026%2000:30:00%20GMT") == absl::Minutes(30));
  CHECK(after("503", "Mon,%2001%20Jan%202001%2000:00:00%20GMT") == absl::Seconds(1));
  CHECK_FALSE(after("429", "whenever").has_value());
  CHECK_FALSE(after("500", "120").has_value());
}

TEST_CASE("410 disables an endpoint, tells the host, and leaves the others alone (N07)") {
  Rig rig;
  rig.options.endpoints["old"] = {rig.base + "status/410", {Secret(kSecret)}};
  rig.options.endpoints["other"] = {rig.base + "ok", {Secret(kSecret)}};
  std::vector<std::string> gone;
  rig.options.on_gone = [&](const std::string& target) { gone.push_back(target); };
  const Outcome outcome = rig.Notify("old");
  CHECK(outcome.kind() == Kind::kDead);
  CHECK(MessageOf(outcome) == "the webhook endpoint \"old\" answered 410");
  CHECK(gone == std::vector<std::string>{"old"});
  CHECK(
      rig.log.text() ==
      "the webhook endpoint \"old\" answered 410 and is disabled until the process starts anew\n");

  const Outcome again = rig.Notify("old");
  CHECK(again.kind() == Kind::kDead);
  CHECK(MessageOf(again) == "the webhook endpoint \"old\" is disabled: it has answered 410");
  CHECK(rig.Notify("other").kind() == Kind::kDone);
  CHECK(Text(rig.receiver.Next(), "path") == "/status/410");
  CHECK(Text(rig.receiver.Next(), "path") == "/ok");
  CHECK(gone.size() == 1);
}

TEST_CASE("no answer, or none in time, is tried again (N05, N11)") {
  Rig rig;
  rig.options.timeout = absl::Milliseconds(500);
  for (const std::string path :
       {"silent", "drip-header", "close", "reset", "garbage", "huge-header"}) {
    CAPTURE(path);
    const Outcome outcome = rig.Notify(path);
    CHECK(outcome.kind() == Kind::kRetry);
    CHECK(absl::IsUnavailable(outcome.status()));
    CHECK(MessageOf(outcome).find("the webhook endpoint gave no answer: ") == 0);
    CHECK_FALSE(outcome.after().has_value());
  }
}

TEST_CASE("a response that is endless, slow or a bomb is cut, and its status counts (N11)") {
  Rig rig;
  rig.options.timeout = absl::Minutes(1);
  for (const std::string path : {"huge", "bomb"}) {
    CAPTURE(path);
    CHECK(rig.Notify(path + "/200").kind() == Kind::kDone);
    CHECK(rig.Notify(path + "/500").kind() == Kind::kRetry);
  }
  rig.made.reset();
  rig.options.timeout = absl::Seconds(3);
  CHECK(rig.Notify("drip-body/200").kind() == Kind::kDone);
}

TEST_CASE("nobody there is tried again") {
  Rig rig;
  const outlive::testing::ClosedPort nobody;
  rig.options.ports = {nobody.port()};
  rig.base = fmt::format("http://127.0.0.1:{}/", nobody.port());
  const Outcome outcome = rig.Notify("ok");
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(MessageOf(outcome).find("the webhook endpoint gave no answer: ") == 0);
}

TEST_CASE("the Standard's schedule takes ten attempts over three days") {
  const outlive::RetryPolicy policy = outlive::StandardWebhookRetryPolicy();
  REQUIRE(outlive::ValidateRetryPolicy(policy).ok());
  const std::vector<absl::Duration> wanted = {absl::Seconds(5), absl::Minutes(5), absl::Minutes(30),
                                              absl::Hours(2),   absl::Hours(5),   absl::Hours(10),
                                              absl::Hours(14),  absl::Hours(20),  absl::Hours(24)};
  REQUIRE(static_cast<int>(wanted.size()) + 1 == outlive::kStandardWebhookAttemptCount);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const int failures = static_cast<int>(i) + 1;
    CHECK(outlive::RetryDelay(policy, failures, 0.5) == wanted[i]);
    CHECK(outlive::RetryDelay(policy, failures, 0.0) < wanted[i]);
    CHECK(outlive::RetryDelay(policy, failures, 0.999) > wanted[i]);
  }
}

// -- Where to -----------------------------------------------------------------------------------

TEST_CASE("hosts that lead inside are refused when connecting (N08)") {
  Rig rig;
  const int port = rig.receiver.port();
  rig.options.find_endpoint = [&](const std::string& target) -> absl::StatusOr<WebhookEndpoint> {
    return WebhookEndpoint{target, {Secret(kSecret)}};
  };
  rig.options.connect_timeout = absl::Seconds(2);
  rig.options.allowed_networks = {};
  for (const std::string host : {"127.0.0.1",
                                 "127.1",
                                 "127.0.1",
                                 "2130706433",
                                 "0x7f000001",
                                 "0x7f.0.0.1",
                                 "0177.0.0.1",
                                 "017700000001",
                                 "127.0.0.1.",
                                 "0.0.0.0",
                                 "0",
                                 "localhost",
                                 "localhost.",
                                 "LOCALHOST",
                                 "foo.localhost",
                                 "[::1]",
                                 "[::]",
                                 "[::ffff:127.0.0.1]",
                                 "[::ffff:7f00:1]",
                                 "[0:0:0:0:0:0:0:1]",
                                 "[::127.0.0.1]",
                                 "169.254.169.254",
                                 "[fe80::1]",
                                 "10.0.0.1",
                                 "172.16.0.1",
                                 "192.168.0.1",
                                 "100.64.0.1",
                                 "198.18.0.1",
                                 "224.0.0.1",
                                 "255.255.255.255",
                                 "[fc00::1]",
                                 "[fd12::1]",
                                 "[64:ff9b::7f00:1]",
                                 "[2002:7f00:1::]",
                                 "[ff02::1]",
                                 "%31%32%37.0.0.1",
                                 "１２７.0.0.1",
                                 "ⓛocalhost"}) {
    CAPTURE(host);
    const Outcome outcome = rig.Notify(fmt::format("http://{}:{}/ok/inside", host, port));
    // A name with a dot at its end goes to the resolver, which may not know it.
    const bool unresolved = host.back() == '.' && outcome.kind() == Kind::kRetry &&
                            MessageOf(outcome).find("resolve host") != std::string::npos;
    CHECK((outcome.kind() == Kind::kDead || unresolved));
  }
  // The receiver's first request is one that may come in.
  rig.made.reset();
  rig.options.allowed_networks = {"127.0.0.1/32"};
  CHECK(rig.Notify(rig.base + "ok/allowed").kind() == Kind::kDone);
  CHECK(Text(rig.receiver.Next(), "path") == "/ok/allowed");
}

TEST_CASE("an address is refused for being private, not for being unreachable (N08)") {
  Rig rig;
  rig.options.allowed_networks = {"10.0.0.0/8"};
  const Outcome outcome = rig.Notify("ok");
  CHECK(outcome.kind() == Kind::kDead);
  CHECK(MessageOf(outcome) == "the webhook endpoint has an address that is not allowed");
}

TEST_CASE("a host is dead for its addresses only where none of them is allowed (N08)") {
  Rig rig;
  const outlive::testing::ClosedPort nobody;
  rig.options.ports = {nobody.port()};
  // libcurl takes this name for 127.0.0.1 and, where there is IPv6, for ::1, which is not allowed.
  rig.base = fmt::format("http://localhost:{}/", nobody.port());
  const Outcome outcome = rig.Notify("ok");
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(MessageOf(outcome).find("not allowed") == std::string::npos);
}

TEST_CASE("URLs that are not plain and allowed are dead (N08)") {
  Rig rig;
  const int port = rig.receiver.port();
  rig.options.find_endpoint = [&](const std::string& target) -> absl::StatusOr<WebhookEndpoint> {
    return WebhookEndpoint{target, {Secret(kSecret)}};
  };
  const std::string host = fmt::format("127.0.0.1:{}", port);
  const std::vector<std::string> urls = {"x",
                                         "ok",
                                         host + "/ok",
                                         "//" + host + "/ok",
                                         "ftp://" + host + "/ok",
                                         "file:///etc/passwd",
                                         "gopher://" + host + "/ok",
                                         "smtp://" + host + "/ok",
                                         "javascript:alert(1)",
                                         "http:///ok",
                                         "http://:80/ok",
                                         "http://user@" + host + "/ok",
                                         "http://user:pass@" + host + "/ok",
                                         "http://:pass@" + host + "/ok",
                                         "http://example.com@" + host + "/ok",
                                         "http://" + host + "@example.com/ok",
                                         "http://" + host + " /ok",
                                         "http://" + host + "/o k",
                                         "http://" + host + "/ok\r\nX-Evil: 1",
                                         "http://" + host + "/ok\n",
                                         "http://" + host + "/ok" + std::string(1, '\0'),
                                         "http://" + host + "/é",
                                         "http://127.0.0.1:22/ok",
                                         "http://127.0.0.1/ok",
                                         "https://127.0.0.1:6379/ok",
                                         "http://127.0.0.1:99999/ok",
                                         "http://127.0.0.1:-1/ok",
                                         "http://127.0.0.1:0/ok",
                                         "http://127.0.0.1:/ok",
                                         "http://[::1/ok",
                                         "http://" + host + "/" + std::string(3000, 'x')};
  for (const std::string& url : urls) {
    CAPTURE(url);
    CHECK(rig.Notify(url).kind() == Kind::kDead);
  }
  CHECK(rig.Notify(rig.base + "ok/allowed").kind() == Kind::kDone);
  CHECK(Text(rig.receiver.Next(), "path") == "/ok/allowed");
}

TEST_CASE("plain HTTP is refused unless it was allowed") {
  const absl::Status status =
      WebhookNotifier::Create({.endpoints = {{"a", {"http://example.com/", {Secret(kSecret)}}}}})
          .status();
  CHECK(status == absl::InvalidArgumentError(
                      "webhook notifier: endpoint \"a\": the endpoint's URL must be https"));
}

TEST_CASE("a target that is no endpoint's name is dead, also where it is a URL") {
  Rig rig;
  rig.options.find_endpoint = nullptr;
  rig.options.endpoints["mine"] = {rig.base + "ok", {Secret(kSecret)}};
  for (const std::string& target :
       {std::string("theirs"), std::string(), rig.base + "ok", std::string("mine\n")}) {
    const Outcome outcome = rig.Notify(target);
    CHECK(outcome.kind() == Kind::kDead);
    CHECK(MessageOf(outcome) == "there is no such webhook endpoint");
  }
  CHECK(rig.Notify("mine").kind() == Kind::kDone);
}

TEST_CASE("the host's own endpoints may be missing for good or for now") {
  Rig rig;
  rig.options.find_endpoint = [](const std::string& target) -> absl::StatusOr<WebhookEndpoint> {
    if (target == "none") return absl::NotFoundError("no such customer");
    if (target == "bad") return WebhookEndpoint{"https://example.com/", {Secret("x")}};
    return absl::UnavailableError("the database is away");
  };
  CHECK(rig.Notify("none").kind() == Kind::kDead);
  CHECK(rig.Notify("bad").kind() == Kind::kDead);
  CHECK(rig.Notify("later").kind() == Kind::kRetry);
}

TEST_CASE("proxies of the environment are ignored (N10)") {
  Rig rig;
  const std::string nowhere = "http://127.0.0.1:1";
  const Environment a("http_proxy", nowhere), b("https_proxy", nowhere), c("all_proxy", nowhere),
      d("ALL_PROXY", nowhere), e("HTTPS_PROXY", nowhere);
  CHECK(rig.Notify("ok").kind() == Kind::kDone);
  CHECK(Text(rig.receiver.Next(), "path") == "/ok");
}

TEST_CASE("certificates are checked, and no request goes out before (Z12)") {
  Rig rig({"--secret", kSecret, "--tls"}, "https");
  const Outcome refused = rig.Notify("ok/unchecked");
  CHECK(refused.kind() == Kind::kRetry);
  CHECK(MessageOf(refused).find("certificate") != std::string::npos);

  rig.made.reset();
  rig.options.ca_file = rig.receiver.certificate();
  CHECK(rig.Notify("ok/checked").kind() == Kind::kDone);
  CHECK(rig.Notify("reset").kind() == Kind::kRetry);
  json::object request = rig.receiver.Next();
  while (request.contains("broken")) request = rig.receiver.Next();
  CHECK(Text(request, "path") == "/ok/checked");
}

// -- Many at once -------------------------------------------------------------------------------

TEST_CASE("an endpoint that is busy is snoozed, others are served, and a cancel ends the wait") {
  Rig rig;
  rig.options.concurrent_max = 1;
  rig.options.timeout = absl::Minutes(30);
  rig.options.busy_pause = absl::Seconds(9);
  WebhookNotifier& notifier = rig.notifier();
  std::optional<Outcome> first;
  std::thread waiting([&] { first = notifier.Notify(TestNotification("silent"), rig.progress); });
  CHECK(Text(rig.receiver.Next(), "path") == "/silent");

  outlive::testing::TestProgress progress;
  const Outcome second = notifier.Notify(TestNotification("silent"), progress);
  CHECK(second.kind() == Kind::kSnooze);
  CHECK(second.after() == absl::Seconds(9));
  CHECK(notifier.Notify(TestNotification("ok"), progress).kind() == Kind::kDone);

  rig.progress.cancel = true;
  waiting.join();
  CHECK(first->kind() == Kind::kRetry);
  CHECK(absl::IsCancelled(first->status()));
}

TEST_CASE("an endpoint that never answers is left alone for a while (N12)") {
  Rig rig;
  rig.options.failure_count_max = 2;
  rig.options.pause = absl::Minutes(1);
  CHECK(rig.Notify("close").kind() == Kind::kRetry);
  CHECK(rig.Notify("close").kind() == Kind::kRetry);
  const Outcome paused = rig.Notify("close");
  CHECK(paused.kind() == Kind::kSnooze);
  CHECK(paused.after() == absl::Minutes(1));
  CHECK(rig.Notify("ok").kind() == Kind::kDone);
  rig.clock.Advance(absl::Minutes(1));
  CHECK(rig.Notify("close").kind() == Kind::kRetry);
  CHECK(rig.Notify("close").kind() == Kind::kSnooze);
}

TEST_CASE("many threads notify at once") {
  Rig rig;
  rig.options.concurrent_max = 16;
  WebhookNotifier& notifier = rig.notifier();
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      outlive::testing::TestProgress progress;
      for (int i = 0; i < 10; ++i) {
        if (notifier.Notify(TestNotification("ok"), progress).kind() == Kind::kDone) ++done;
      }
    });
  }
  for (int i = 0; i < 80; ++i) CHECK(rig.receiver.Next().at("signed").as_array().at(0).as_bool());
  for (std::thread& thread : threads) thread.join();
  CHECK(done == 80);
}

// -- Bad input and secrets ----------------------------------------------------------------------

TEST_CASE("all faults of the options are told at once, without secrets (N15)") {
  const std::string canary = "canary";
  const absl::Status status =
      WebhookNotifier::Create({.endpoints = {{"a", {"https://u:" + canary + "@h/", {}}},
                                             {"b", {"https://h/" + canary, {Secret(canary)}}}},
                               .ports = {443, 0},
                               .allowed_networks = {"10.0.0.1/8"},
                               .user_agent = "a\r\nb",
                               .connect_timeout = absl::ZeroDuration(),
                               .timeout = absl::InfiniteDuration(),
                               .retry_after_max = absl::ZeroDuration(),
                               .concurrent_max = 0,
                               .busy_pause = absl::ZeroDuration(),
                               .failure_count_max = 0,
                               .pause = absl::ZeroDuration()})
          .status();
  CHECK(absl::IsInvalidArgument(status));
  const std::string text(status.message());
  for (const std::string fault :
       {"ports", "user_agent", "connect_timeout", "timeout must", "retry_after_max",
        "concurrent_max", "busy_pause", "failure_count_max", "pause must", "10.0.0.1/8",
        "endpoint \"a\": the endpoint's URL must not have a user name",
        "endpoint \"a\": webhook secrets: there must be 1 to 8",
        "endpoint \"b\": webhook secrets: number 0"}) {
    CAPTURE(fault);
    CHECK(text.find(fault) != std::string::npos);
  }
  CHECK(text.find(canary) == std::string::npos);
}

TEST_CASE("a notification's id that cannot be signed is dead") {
  Rig rig;
  Notification notification = TestNotification("ok");
  notification.id = "msg.1";
  CHECK(rig.notifier().Notify(notification, rig.progress).kind() == Kind::kDead);
  notification.id = "msg\r\nx: y";
  CHECK(rig.notifier().Notify(notification, rig.progress).kind() == Kind::kDead);
}

TEST_CASE("a traceparent that is none is not sent") {
  Rig rig;
  Notification notification = TestNotification("ok");
  notification.traceparent = "00-x\r\nX-Evil: 1";
  CHECK(rig.notifier().Notify(notification, rig.progress).kind() == Kind::kDone);
  CHECK_FALSE(rig.receiver.Next().at("headers").as_object().contains("traceparent"));
}

TEST_CASE("secrets and URLs are in no error and no log line (N15, Z01)") {
  Rig rig;
  rig.options.failure_count_max = 3;
  rig.options.find_endpoint = [&](const std::string& target) -> absl::StatusOr<WebhookEndpoint> {
    return WebhookEndpoint{rig.base + target + "?token=canary-token", {Secret(kSecret)}};
  };
  std::string all;
  for (const std::string target :
       {"status/500", "status/410", "status/410", "redirect/302", "reset", "garbage",
        "retry-after/429/5", "huge/500", "close", "close", "close", "close"}) {
    all += MessageOf(rig.Notify(target)) + "\n";
  }
  rig.made.reset();
  rig.options.timeout = absl::Milliseconds(300);
  all += MessageOf(rig.Notify("silent")) + "\n";
  rig.made.reset();
  rig.options.allowed_networks = {};
  all += MessageOf(rig.Notify("ok"));
  all += rig.log.text();
  CHECK(all.find("answered 500") != std::string::npos);
  for (const std::string& secret : {std::string("canary"), kSecret, kSecret.substr(6, 12), rig.base,
                                    std::string("127.0.0.1")}) {
    CHECK(all.find(secret) == std::string::npos);
  }
}
