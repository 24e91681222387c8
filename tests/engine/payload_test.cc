// What becomes of jobs whose payloads are sealed and cannot be opened, and what is shown of them.
#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/core/payload_cipher.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Seals by a mark, and opens as long as it is told to.
class MarkingCipher final : public PayloadCipher {
 public:
  absl::Status opens;  // Else: why not.

  const std::string& key_id() const override { return key_id_; }
  absl::StatusOr<std::string> Seal(const PayloadPlace&, std::string_view plain) const override {
    return SealedHead(key_id_) + std::string(plain);
  }
  absl::StatusOr<std::string> Open(const PayloadPlace&, std::string_view sealed) const override {
    if (!opens.ok()) return opens;
    return std::string(ReadSealed(sealed)->body);
  }
  bool accepts_plain() const override { return false; }
  absl::StatusOr<Fingerprint> ArgsFingerprint(const Fingerprint&,
                                              std::string_view args) const override {
    return outlive::ArgsFingerprint(args);
  }
  bool IsArgsFingerprint(const Fingerprint& kept, const Fingerprint&,
                         std::string_view args) const override {
    return kept == outlive::ArgsFingerprint(args);
  }

 private:
  const std::string key_id_ = "2026-07";
};

struct SealedWorld {
  MarkingCipher cipher;
  testing::VirtualClock clock;
  testing::SeededRandom random{1};
  LogOfTest log;
  MemoryStore store{{.clock = &clock, .random = &random, .cipher = &cipher}};
  Client client{store, {.log = &log, .random = &random}};
  WorkerSet workers;
  int run_count = 0;

  SealedWorld() {
    workers.Add<Mail>([this](JobContext&, const Mail& mail) -> Outcome {
      ++run_count;
      return mail.number == 13 ? Dead("no luck") : Done("to " + mail.recipient);
    });
  }

  void RunDue(RunnerOptions options = {}) {
    Runner runner(client, workers, std::move(options));
    const absl::StatusOr<int> attempts = runner.RunDue();
    REQUIRE_MESSAGE(attempts.ok(), attempts.status().ToString());
  }
};

TEST_CASE("a job whose key is missing is retried, dies, and runs once the key is back") {
  SealedWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "ann@example.com"}, {.max_attempts = 3})->id;
  world.cipher.opens = absl::FailedPreconditionError("key 2026-07 is not here");
  world.RunDue();
  CHECK(world.client.Get(id)->state == JobState::kPending);
  for (int i = 0; i < 2; ++i) {
    world.clock.Advance(absl::Minutes(5));
    world.RunDue();
  }
  const Job dead = *world.client.Get(id);
  CHECK(dead.state == JobState::kDead);
  REQUIRE(dead.errors.size() == 3);
  for (const AttemptError& error : dead.errors) {
    CHECK(error.code == absl::StatusCode::kFailedPrecondition);
    CHECK(error.message == "the job's arguments cannot be opened: key 2026-07 is not here");
  }
  CHECK(world.run_count == 0);
  CHECK(world.log.text().find("cannot be opened: key 2026-07 is not here") != std::string::npos);

  world.cipher.opens = absl::OkStatus();
  CHECK(*world.client.Retry(id) == JobState::kPending);
  world.RunDue();
  CHECK(world.client.Get(id)->output == "to ann@example.com");
  CHECK(world.log.text().find("ann@example.com") == std::string::npos);
}

TEST_CASE("a job whose arguments are not what was sealed dies at once, with the reason") {
  SealedWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "ann@example.com"})->id;
  world.cipher.opens = absl::DataLossError("it was changed");
  world.RunDue();
  const Job dead = *world.client.Get(id);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.attempt == 1);
  REQUIRE(dead.errors.size() == 1);
  CHECK(dead.errors[0].message == "the job's arguments cannot be opened: it was changed");
  CHECK(world.client.DeadLetterGroups()->size() == 1);
  CHECK(world.run_count == 0);
}

TEST_CASE("a coroutine is not begun with arguments that cannot be opened") {
  SealedWorld world;
  int run_count = 0;
  world.workers.Add<Fax>([&](JobContext&, const Fax&) -> boost::asio::awaitable<Outcome> {
    ++run_count;
    co_return Done();
  });
  boost::asio::io_context loop;  // Nobody runs it.
  const JobId id = world.client.Enqueue(Fax{1})->id;
  world.cipher.opens = absl::DataLossError("it was changed");
  world.RunDue({.executor = loop.get_executor()});
  CHECK(world.client.Get(id)->state == JobState::kDead);

  // The same with threads, on the machine's time.
  MemoryStore store({.cipher = &world.cipher});
  Client client(store, {.log = &world.log});
  const JobId other = client.Enqueue(Fax{2})->id;
  Runner runner(client, world.workers, {.executor = loop.get_executor()});
  REQUIRE(runner.Start().ok());
  const auto ended = client.WaitFor(other, store.clock().Now() + absl::Minutes(1));
  REQUIRE_MESSAGE(ended.ok(), ended.status().ToString());
  CHECK(ended->state == JobState::kDead);
  runner.Stop();
  CHECK(run_count == 0);
}

TEST_CASE("an export leaves out what is kept sealed, unless it is asked for") {
  SealedWorld world;
  REQUIRE(world.client.Enqueue(Mail{13, "ann@example.com"}).ok());
  world.RunDue();
  StringSink hidden;
  CHECK(*world.client.ExportDeadLetters({}, hidden) == 1);
  CHECK(hidden.bytes().find("ann@example.com") == std::string::npos);
  const boost::json::value json = boost::json::parse(hidden.bytes());
  CHECK(json.at("sealed").as_bool());
  CHECK(json.at("kind").as_string() == "mail.send");
  CHECK(json.as_object().if_contains("args") == nullptr);

  StringSink shown;
  CHECK(*world.client.ExportDeadLetters({}, shown, {.show_sealed = true}) == 1);
  CHECK(boost::json::parse(shown.bytes()).at("args").as_string() ==
        R"({"number":13,"recipient":"ann@example.com"})");

  world.cipher.opens = absl::FailedPreconditionError("key 2026-07 is not here");
  StringSink unreadable;
  CHECK(*world.client.ExportDeadLetters({}, unreadable, {.show_sealed = true}) == 1);
  CHECK(boost::json::parse(unreadable.bytes()).at("payload_error").as_string() ==
        "the job's arguments cannot be opened: key 2026-07 is not here");
}

TEST_CASE("a store without a cipher seals nothing anew, and says so") {
  VirtualWorld world;
  CHECK(absl::IsFailedPrecondition(
      world.client.Reencrypt({.after = 0, .job_count_max = 10}).status()));
  SealedWorld sealed;
  REQUIRE(sealed.client.Enqueue(Mail{1, "ann"}).ok());
  const ReencryptResult result = *sealed.client.Reencrypt({.after = 0, .job_count_max = 10});
  CHECK(result.job_count == 1);
  CHECK(result.renewed_count == 0);
  CHECK(absl::IsInvalidArgument(sealed.client.Reencrypt({}).status()));
}

}  // namespace
}  // namespace outlive::tests
