#include "outlive/core/follow_up.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/retry_policy.h"
#include "tests/core/message.h"

namespace {

using outlive::FollowUp;
using outlive::FollowUpArgs;
using outlive::JobEnd;
using outlive::JobState;
using outlive::NewJob;
using outlive::testing::Message;

FollowUp Notify() {
  FollowUp follow_up;
  follow_up.on_cancelled = true;
  follow_up.on_dead = false;
  follow_up.kind = "notify.deliver";
  follow_up.queue = "notify";
  follow_up.priority = 3;
  follow_up.attempt_count_max = 7;
  follow_up.retry_policy = outlive::EncodeRetryPolicy({});
  follow_up.data = "{\"to\":\"ann@example.com\",\"text\":\"отчёт \\\"1\\\"\"}";
  return follow_up;
}

JobEnd End() {
  JobEnd end;
  end.job_id = 9'223'372'036'854'775'807;
  end.kind = "report.render";
  end.queue = "reports";
  end.state = JobState::kCompleted;
  end.attempt = 2;
  end.generation = 1;
  end.ended_at = absl::FromUnixMicros(1'700'000'000'123'456);
  end.output = "artifact-id";
  end.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return end;
}

TEST_CASE("follow-ups are read back as they were") {
  for (const std::vector<FollowUp>& follow_ups :
       {std::vector<FollowUp>{}, {FollowUp{}}, {Notify(), FollowUp{}, Notify()}}) {
    const absl::StatusOr<std::vector<FollowUp>> again =
        outlive::DecodeFollowUps(outlive::EncodeFollowUps(follow_ups));
    REQUIRE(again.ok());
    CHECK((*again == follow_ups));
  }
}

TEST_CASE("the text of a follow-up is what older versions have stored") {
  FollowUp follow_up;
  follow_up.kind = "k";
  CHECK(outlive::EncodeFollowUps({follow_up}) ==
        R"([{"on_completed":true,"on_cancelled":false,"on_dead":true,"kind":"k",)"
        R"("queue":"default","priority":5,"attempt_count_max":5,"retry_policy":"","data":""}])");
  const auto old = outlive::DecodeFollowUps(R"([{"kind":"k","added_later":[1]}])");
  REQUIRE(old.ok());
  CHECK(((*old)[0] == follow_up));
}

TEST_CASE("follow-ups that encoding did not make are refused") {
  for (const char* text : {"", "{}", "[7]", "null", "[{\"priority\":\"5\"}]", "[{]", "[[[]]]"}) {
    CAPTURE(text);
    CHECK(outlive::DecodeFollowUps(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a follow-up follows the ends it names, and no state that is not an end") {
  FollowUp follow_up;
  for (int bits = 0; bits < 8; ++bits) {
    follow_up.on_completed = (bits & 1) != 0;
    follow_up.on_cancelled = (bits & 2) != 0;
    follow_up.on_dead = (bits & 4) != 0;
    CHECK(Follows(follow_up, JobState::kCompleted) == follow_up.on_completed);
    CHECK(Follows(follow_up, JobState::kCancelled) == follow_up.on_cancelled);
    CHECK(Follows(follow_up, JobState::kDead) == follow_up.on_dead);
    for (const JobState state : {JobState::kPending, JobState::kBlocked, JobState::kRunning}) {
      CHECK_FALSE(Follows(follow_up, state));
    }
    CHECK_FALSE(Follows(follow_up, static_cast<JobState>(99)));
  }
}

TEST_CASE("the job of a follow-up carries what it has to tell") {
  const NewJob job = outlive::MakeFollowUpJob(Notify(), End());
  CHECK(job.kind == "notify.deliver");
  CHECK(job.queue == "notify");
  CHECK(job.priority == 3);
  CHECK(job.attempt_count_max == 7);
  CHECK(job.retry_policy == Notify().retry_policy);
  CHECK(job.traceparent == End().traceparent);
  CHECK(job.run_at == absl::InfinitePast());
  CHECK(job.idempotency_key.empty());
  CHECK(job.follow_ups.empty());
  CHECK(Message(ValidateNewJob(job)) == "");

  const absl::StatusOr<FollowUpArgs> args = outlive::DecodeFollowUpArgs(job.args);
  REQUIRE(args.ok());
  CHECK(args->data == Notify().data);
  CHECK(args->end.job_id == End().job_id);
  CHECK(args->end.kind == "report.render");
  CHECK(args->end.queue == "reports");
  CHECK(args->end.state == JobState::kCompleted);
  CHECK(args->end.attempt == 2);
  CHECK(args->end.generation == 1);
  CHECK(args->end.ended_at == End().ended_at);
  CHECK(args->end.output == "artifact-id");
  CHECK(args->end.error == "");
  CHECK(args->end.traceparent == End().traceparent);
}

TEST_CASE("the text of a follow-up's arguments never changes") {
  JobEnd end = End();
  end.state = JobState::kDead;
  end.error = "boom";
  end.traceparent = "";
  FollowUp follow_up;
  follow_up.data = "d";
  CHECK(outlive::MakeFollowUpJob(follow_up, end).args ==
        R"({"data":"d","end":{"job_id":9223372036854775807,"kind":"report.render",)"
        R"("queue":"reports","state":"kDead","attempt":2,"generation":1,)"
        R"("ended_at":"2023-11-14T22:13:20.123456Z","output":"artifact-id","error":"boom",)"
        R"("traceparent":""}})");
}

TEST_CASE("an output that is long or not text is left out, and the rest is told") {
  JobEnd end = End();
  end.output = std::string(outlive::kFollowUpOutputBytesMax, 'x');
  CHECK(outlive::DecodeFollowUpArgs(MakeFollowUpJob(Notify(), end).args)->end.output == end.output);
  for (const std::string& output :
       {std::string(outlive::kFollowUpOutputBytesMax + 1, 'x'), std::string("\xFF")}) {
    end.output = output;
    const auto args = outlive::DecodeFollowUpArgs(MakeFollowUpJob(Notify(), end).args);
    REQUIRE(args.ok());
    CHECK(args->end.output == "");
    CHECK(args->end.job_id == end.job_id);
    CHECK(args->data == Notify().data);
  }
}

TEST_CASE("arguments of something else are refused") {
  for (const char* text : {"", "[]", "{\"end\":7}", "{\"end\":{\"state\":\"kNowhere\"}}"}) {
    CAPTURE(text);
    CHECK(outlive::DecodeFollowUpArgs(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
