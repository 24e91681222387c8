// How to test code that enqueues and works on jobs: in memory, on a virtual clock, on one thread.
// No files, no sleeps; hours pass in microseconds, and every run is the same.
//
// With a test framework each function below would be a test case; here Expect() writes a line.
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/drain.h"
#include "outlive/testing/enqueued.h"
#include "outlive/testing/fake_job_context.h"
#include "outlive/testing/virtual_clock.h"

// -- The code under test ------------------------------------------------------------------------

struct SendWelcome {
  static constexpr std::string_view kKind = "mail.welcome";
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(SendWelcome, (), (recipient))

struct AskForReview {
  static constexpr std::string_view kKind = "mail.review";
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(AskForReview, (), (recipient))

// A customer signs up: a welcome now, a question after a week. Signing up twice is signing up once.
absl::Status SignUp(outlive::Client& client, const std::string& recipient) {
  const absl::StatusOr<outlive::Enqueued> welcome =
      client.Enqueue(SendWelcome{recipient}, {.idempotency_key = recipient, .max_attempts = 4});
  if (!welcome.ok() || welcome->duplicate) return welcome.status();
  return client.Enqueue(AskForReview{recipient}, {.priority = 9, .delay = absl::Hours(7 * 24)})
      .status();
}

// What sends mails; in production it speaks SMTP.
class Mailer {
 public:
  virtual ~Mailer() = default;
  virtual absl::Status Send(const std::string& recipient, std::string_view text) = 0;
};

outlive::Outcome Welcome(outlive::JobContext& job, const SendWelcome& args, Mailer& mailer) {
  if (job.cancelled()) return outlive::Cancelled("stopped by the user");
  if (args.recipient.find('@') == std::string::npos) return outlive::Dead("not an address");
  absl::Status sent = mailer.Send(args.recipient, "welcome");
  if (sent.ok()) job.ReportProgress(1, "sent");
  return sent;  // An error is retried.
}

// -- The harness --------------------------------------------------------------------------------

// Fails as often as it is told, then remembers what it was given.
class FakeMailer final : public Mailer {
 public:
  absl::Status Send(const std::string& recipient, std::string_view text) override {
    if (failures_left > 0) {
      --failures_left;
      return absl::UnavailableError("the mail server is away");
    }
    sent.push_back(std::string(text) + " to " + recipient);
    return absl::OkStatus();
  }

  int failures_left = 0;
  std::vector<std::string> sent;
};

class NoLog final : public outlive::LogSink {
 public:
  void Log(const outlive::LogRecord&) override {}
};

// Everything a test needs, new for each. The runner is never started: Drain() runs the jobs.
struct Harness {
  Harness() {
    workers.Add<SendWelcome>([this](outlive::JobContext& job, const SendWelcome& args) {
      return Welcome(job, args, mailer);
    });
    workers.Add<AskForReview>([this](outlive::JobContext&, const AskForReview& args) {
      return mailer.Send(args.recipient, "review");
    });
  }

  outlive::testing::VirtualClock clock;
  std::unique_ptr<outlive::MemoryStore> store = outlive::MemoryStore::Create({.clock = &clock});
  NoLog log;
  FakeMailer mailer;
  outlive::Client client{*store, {.log = &log}};
  outlive::WorkerSet workers;
  outlive::Runner runner{client, workers};
};

int failed_count = 0;

void Expect(bool holds, const char* what) {
  std::printf("%s  %s\n", holds ? "ok    " : "FAILED", what);
  if (!holds) ++failed_count;
}

// -- The tests ----------------------------------------------------------------------------------

void SigningUpEnqueues() {
  Harness harness;
  Expect(SignUp(harness.client, "ann@example.com").ok(), "signing up works");
  Expect(SignUp(harness.client, "ann@example.com").ok(), "signing up twice works");
  Expect(outlive::testing::ExpectEnqueued(harness.client, SendWelcome{"ann@example.com"}).ok(),
         "one welcome is enqueued");
  Expect(outlive::testing::ExpectEnqueued<AskForReview>(harness.client, 1).ok(),
         "one question is enqueued");
  const auto review = outlive::testing::EnqueuedJobs(harness.client, AskForReview::kKind);
  Expect(review.ok() && review->at(0).run_at == harness.clock.Now() + absl::Hours(7 * 24),
         "the question is due in a week");
}

void MailsGoOutInTime() {
  Harness harness;
  const absl::Time start = harness.clock.Now();
  Expect(SignUp(harness.client, "bob@example.com").ok(), "bob signs up");
  Expect(outlive::testing::Drain(harness.runner).value_or(-1) == 1, "one job is due");
  Expect(harness.mailer.sent == std::vector<std::string>{"welcome to bob@example.com"},
         "bob is welcomed at once");
  Expect(outlive::testing::DrainUntil(harness.runner, harness.clock, start + absl::Hours(7 * 24))
                 .value_or(-1) == 1,
         "another job is due a week later");
  Expect(harness.mailer.sent.back() == "review to bob@example.com", "bob is asked after a week");
}

void FailuresAreRetried() {
  Harness harness;
  const absl::Time start = harness.clock.Now();
  harness.mailer.failures_left = 3;
  Expect(SignUp(harness.client, "eve@example.com").ok(), "eve signs up while mail is down");
  Expect(outlive::testing::DrainUntil(harness.runner, harness.clock, start + absl::Hours(1))
                 .value_or(-1) == 4,
         "three attempts fail and the fourth succeeds");
  Expect(harness.mailer.sent.size() == 1, "eve gets one mail");
}

void WhatCannotSucceedWaitsForAPerson() {
  Harness harness;
  Expect(SignUp(harness.client, "nobody").ok(), "somebody signs up without an address");
  Expect(outlive::testing::Drain(harness.runner).value_or(-1) == 1, "one attempt is made");
  const auto groups = harness.client.DeadLetterGroups();
  Expect(groups.ok() && groups->size() == 1 && groups->at(0).message == "not an address",
         "the dead letter says why");
}

void AWorkerIsAFunction() {
  FakeMailer mailer;
  outlive::testing::FakeJobContext job({.attempt = 2});
  Expect(Welcome(job, {"ann@example.com"}, mailer).kind() == outlive::Outcome::Kind::kDone,
         "a worker is tested without any store");
  Expect(job.progress() == 1 && job.progress_note() == "sent", "it has reported its progress");
  job.Stop();
  Expect(Welcome(job, {"ann@example.com"}, mailer).kind() == outlive::Outcome::Kind::kCancelled,
         "it stops when it is asked to");
}

int main() {
  SigningUpEnqueues();
  MailsGoOutInTime();
  FailuresAreRetried();
  WhatCannotSucceedWaitsForAPerson();
  AWorkerIsAFunction();
  std::printf("%s\n", failed_count == 0 ? "all is well" : "something is wrong");
  return failed_count == 0 ? 0 : 1;
}
