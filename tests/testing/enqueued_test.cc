#include "outlive/testing/enqueued.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace {

using outlive::testing::EnqueuedJobs;
using outlive::testing::ExpectEnqueued;

struct Mail {
  static constexpr std::string_view kKind = "mail";
  std::string to;
};
BOOST_DESCRIBE_STRUCT(Mail, (), (to))

struct Ping {
  static constexpr std::string_view kKind = "ping";
};
BOOST_DESCRIBE_STRUCT(Ping, (), ())

struct Fixture {
  outlive::testing::VirtualClock clock;
  std::unique_ptr<outlive::MemoryStore> store = outlive::MemoryStore::Create({.clock = &clock});
  outlive::Client client{*store};
};

std::string Said(const absl::Status& status) {
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  return std::string(status.message());
}

TEST_CASE("an empty store has nothing enqueued") {
  Fixture fixture;
  CHECK(EnqueuedJobs<Mail>(fixture.client)->empty());
  CHECK(ExpectEnqueued<Mail>(fixture.client, 0).ok());
  CHECK(Said(ExpectEnqueued(fixture.client, Mail{"ann"})) ==
        "expected 1 of mail with {\"to\":\"ann\"} to be enqueued, and found 0; of this kind there "
        "are: none");
}

TEST_CASE("arguments come decoded, oldest first, of one kind only") {
  Fixture fixture;
  for (const char* to : {"ann", "bob", "ann"}) REQUIRE(fixture.client.Enqueue(Mail{to}).ok());
  REQUIRE(fixture.client.Enqueue(Ping{}).ok());
  std::vector<std::string> names;
  const auto mails = EnqueuedJobs<Mail>(fixture.client);
  for (const Mail& mail : mails.value()) names.push_back(mail.to);
  CHECK(names == std::vector<std::string>{"ann", "bob", "ann"});
  CHECK(EnqueuedJobs<Ping>(fixture.client)->size() == 1);
}

TEST_CASE("jobs come in full") {
  Fixture fixture;
  REQUIRE(
      fixture.client.Enqueue(Mail{"ann"}, {.queue = "mail", .priority = 1, .delay = absl::Hours(1)})
          .ok());
  const auto jobs = EnqueuedJobs(fixture.client, "mail");
  REQUIRE(jobs->size() == 1);
  CHECK(jobs->at(0).queue == "mail");
  CHECK(jobs->at(0).priority == 1);
  CHECK(jobs->at(0).args == R"({"to":"ann"})");
  CHECK(jobs->at(0).run_at == fixture.clock.Now() + absl::Hours(1));
}

TEST_CASE("what was expected is counted by its arguments, or by its kind") {
  Fixture fixture;
  for (const char* to : {"ann", "bob", "ann"}) REQUIRE(fixture.client.Enqueue(Mail{to}).ok());
  CHECK(ExpectEnqueued(fixture.client, Mail{"bob"}).ok());
  CHECK(ExpectEnqueued(fixture.client, Mail{"ann"}, 2).ok());
  CHECK(ExpectEnqueued(fixture.client, Mail{"carl"}, 0).ok());
  CHECK(ExpectEnqueued<Mail>(fixture.client, 3).ok());
  CHECK(ExpectEnqueued(fixture.client, "mail", R"({"to":"bob"})", 1).ok());
  CHECK(Said(ExpectEnqueued(fixture.client, Mail{"ann"})) ==
        "expected 1 of mail with {\"to\":\"ann\"} to be enqueued, and found 2; of this kind there "
        "are: {\"to\":\"ann\"} (pending), {\"to\":\"bob\"} (pending), {\"to\":\"ann\"} (pending)");
  CHECK(Said(ExpectEnqueued<Ping>(fixture.client, 1)) ==
        "expected 1 of ping to be enqueued, and found 0; of this kind there are: none");
}

TEST_CASE("jobs count whatever has become of them") {
  Fixture fixture;
  const auto job = fixture.client.Enqueue(Mail{"ann"});
  REQUIRE(fixture.client.Cancel(job->id).ok());
  CHECK(ExpectEnqueued(fixture.client, Mail{"ann"}).ok());
  CHECK(Said(ExpectEnqueued<Mail>(fixture.client, 0)) ==
        "expected 0 of mail to be enqueued, and found 1; of this kind there are: {\"to\":\"ann\"} "
        "(cancelled)");
}

TEST_CASE("a failure shows some of many jobs, and not all of long ones") {
  Fixture fixture;
  const std::vector<Mail> mails(1'500, Mail{std::string(10'000, 'x')});
  REQUIRE(fixture.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  CHECK(EnqueuedJobs<Mail>(fixture.client)->size() == 1'500);
  const std::string said = Said(ExpectEnqueued<Mail>(fixture.client, 1));
  CHECK(said.find(", and 1480 more") != std::string::npos);
  CHECK(said.size() < 10'000);
}

TEST_CASE("arguments that cannot be read are an error") {
  Fixture fixture;
  REQUIRE(fixture.client.EnqueueRaw("mail", "not json").ok());
  CHECK(EnqueuedJobs<Mail>(fixture.client).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(ExpectEnqueued<Mail>(fixture.client, 1).ok());
}

}  // namespace
