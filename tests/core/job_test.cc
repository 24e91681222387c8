#include "outlive/core/job.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <climits>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/follow_up.h"
#include "outlive/core/limits.h"
#include "outlive/core/retry_policy.h"
#include "tests/core/message.h"

namespace {

using outlive::AttemptError;
using outlive::FollowUp;
using outlive::Job;
using outlive::JobToJson;
using outlive::NewJob;
using outlive::ValidateName;
using outlive::ValidateNewJob;
using outlive::testing::Message;

const std::string kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

NewJob ValidJob() {
  NewJob job;
  job.kind = "invoice.send";
  return job;
}

FollowUp ValidFollowUp() {
  FollowUp follow_up;
  follow_up.kind = "notify.deliver";
  return follow_up;
}

// Bytes that "\x" escapes cannot hide from a reader of this file.
std::string WithNul() { return std::string("a\0b", 3); }

TEST_CASE("names that are allowed") {
  for (const std::string& name :
       {std::string("a"), std::string("Z9"), std::string("a.b_c:d/e-f"), std::string("-"),
        std::string("0"), std::string("/"), std::string(128, 'x')}) {
    CHECK(ValidateName("queue", name).ok());
  }
}

TEST_CASE("names that are not allowed are shown, with what is") {
  const std::string names[] = {
      "",
      std::string(129, 'x'),
      " ",
      "a b",
      "a\n",
      "é",
      "a;b",
      "a'b",
      "a\"b",
      "a\\b",
      "a%b",
      "a,b",
      "a+b",
      "a*b",
      "a=b",
      "a?b",
      "a#b",
      "a@b",
      "(a)",
      "[a]",
      "{a}",
      "<a>",
      "'; DROP TABLE job;--",
      WithNul(),
      "\xFF",
      "\x7F",
      "🦉",
      "a|b",
  };
  for (const std::string& name : names) {
    CAPTURE(name);
    const absl::Status status = ValidateName("queue", name);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    const std::string said =
        "queue must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, "
        "and is \"";
    CHECK(Message(status).substr(0, said.size()) == said);
  }
  CHECK(Message(ValidateName("kind", "a\nb")) ==
        "kind must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"a\\x0ab\"");
  CHECK(Message(ValidateName("kind", std::string(1'000'000, 'x'))).size() < 300);
}

TEST_CASE("jobs at their bounds are valid") {
  CHECK(ValidateNewJob(ValidJob()).ok());
  NewJob job = ValidJob();
  job.kind = job.queue = std::string(128, 'k');
  job.args = std::string(outlive::limits::kPayloadBytesMax, '\xFF');
  job.priority = 9;
  job.attempt_count_max = 10'000;
  job.run_at = absl::FromUnixSeconds(253'402'300'799);
  job.idempotency_key = std::string(512, '\xFF');
  job.idempotency_window = absl::Hours(24 * 366);
  job.partition_key = "any bytes\n\x01";
  job.traceparent = kTraceparent;
  job.tags = std::vector<std::string>(16, "tag");
  job.retry_policy = outlive::EncodeRetryPolicy({});
  job.follow_ups = std::vector<FollowUp>(8, ValidFollowUp());
  job.backlog_max = INT_MAX;
  CHECK(Message(ValidateNewJob(job)) == "");
  job.priority = 0;
  job.attempt_count_max = 1;
  job.run_at = absl::InfinitePast();
  job.idempotency_window = absl::Nanoseconds(1);
  CHECK(Message(ValidateNewJob(job)) == "");
}

TEST_CASE("each fault of a job is named with what is allowed") {
  struct Fault {
    std::function<void(NewJob&)> break_it;
    std::string_view said;
  };
  const std::string name = " must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is ";
  const std::string kind = "kind" + name + "\"\"";
  const std::string queue = "queue" + name + "\"a b\"";
  const std::string tag = "tag" + name + "\"no spaces\"";
  const Fault faults[] = {
      {[](NewJob& job) { job.kind = ""; }, kind},
      {[](NewJob& job) { job.queue = "a b"; }, queue},
      {[](NewJob& job) { job.args.resize(outlive::limits::kPayloadBytesMax + 1); },
       "args must have at most 1048576 bytes, and have 1048577"},
      {[](NewJob& job) { job.priority = -1; }, "priority must be from 0 to 9, and is -1"},
      {[](NewJob& job) { job.priority = 10; }, "priority must be from 0 to 9, and is 10"},
      {[](NewJob& job) { job.priority = INT_MIN; },
       "priority must be from 0 to 9, and is -2147483648"},
      {[](NewJob& job) { job.attempt_count_max = 0; },
       "attempt_count_max must be from 1 to 10000, and is 0"},
      {[](NewJob& job) { job.attempt_count_max = INT_MAX; },
       "attempt_count_max must be from 1 to 10000, and is 2147483647"},
      {[](NewJob& job) { job.run_at = absl::InfiniteFuture(); },
       "run_at must not be after the year 9999"},
      {[](NewJob& job) { job.run_at = absl::FromUnixSeconds(253'402'300'800); },
       "run_at must not be after the year 9999"},
      {[](NewJob& job) { job.idempotency_key = std::string(513, 'x'); },
       "idempotency_key must have at most 512 bytes and no NUL"},
      {[](NewJob& job) { job.idempotency_key = WithNul(); },
       "idempotency_key must have at most 512 bytes and no NUL"},
      {[](NewJob& job) { job.partition_key = std::string(513, 'x'); },
       "partition_key must have at most 512 bytes and no NUL"},
      {[](NewJob& job) { job.partition_key = WithNul(); },
       "partition_key must have at most 512 bytes and no NUL"},
      {[](NewJob& job) { job.idempotency_window = absl::ZeroDuration(); },
       "idempotency_window must be more than 0 and at most 366 days"},
      {[](NewJob& job) { job.idempotency_window = -absl::InfiniteDuration(); },
       "idempotency_window must be more than 0 and at most 366 days"},
      {[](NewJob& job) { job.idempotency_window = absl::InfiniteDuration(); },
       "idempotency_window must be more than 0 and at most 366 days"},
      {[](NewJob& job) { job.tags = std::vector<std::string>(17, "t"); },
       "tags must be at most 16"},
      {[](NewJob& job) { job.tags = {"good", "no spaces"}; }, tag},
      {[](NewJob& job) { job.traceparent = "00-1"; },
       "traceparent must be a W3C traceparent of version 00"},
      {[](NewJob& job) { job.retry_policy = "{}"; },
       "a retry policy has a missing member or one of a wrong type"},
      {[](NewJob& job) { job.retry_policy = "nonsense"; }, "a retry policy must be a JSON object"},
      {[](NewJob& job) { job.backlog_max = -1; }, "backlog_max must not be negative"},
      {[](NewJob& job) { job.follow_ups = std::vector<FollowUp>(9, ValidFollowUp()); },
       "follow_ups must be at most 8"},
  };
  for (const Fault& fault : faults) {
    NewJob job = ValidJob();
    fault.break_it(job);
    const absl::Status status = ValidateNewJob(job);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(Message(status) == "job: " + std::string(fault.said));
  }
}

TEST_CASE("each fault of a follow-up is named") {
  struct Fault {
    std::function<void(FollowUp&)> break_it;
    std::string_view said;
  };
  const Fault faults[] = {
      {[](FollowUp& f) { f.kind = ""; },
       "kind must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"\""},
      {[](FollowUp& f) { f.queue = ""; },
       "queue must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"\""},
      {[](FollowUp& f) { f.on_completed = f.on_cancelled = f.on_dead = false; },
       "it must follow at least one end"},
      {[](FollowUp& f) { f.priority = 10; }, "priority must be from 0 to 9"},
      {[](FollowUp& f) { f.attempt_count_max = 0; }, "attempt_count_max must be from 1 to 10000"},
      {[](FollowUp& f) { f.data = std::string(524'289, 'x'); },
       "data must have at most 524288 bytes"},
      {[](FollowUp& f) { f.data = "\xFF"; }, "data must be UTF-8"},
      {[](FollowUp& f) { f.retry_policy = "x"; }, "a retry policy must be a JSON object"},
  };
  for (const Fault& fault : faults) {
    NewJob job = ValidJob();
    job.follow_ups = {ValidFollowUp(), ValidFollowUp()};
    fault.break_it(job.follow_ups[1]);
    CHECK(Message(ValidateNewJob(job)) == "job: follow-up: " + std::string(fault.said));
  }
}

TEST_CASE("all faults of a job are told at once") {
  NewJob job;
  job.kind = "bad kind";
  job.queue = "";
  job.priority = 11;
  job.attempt_count_max = 0;
  job.run_at = absl::InfiniteFuture();
  job.backlog_max = -5;
  job.tags = {"a b"};
  job.traceparent = "x";
  CHECK(Message(ValidateNewJob(job)) ==
        "job: kind must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"bad "
        "kind\"; queue must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"\"; "
        "priority must be from 0 to 9, and is 11; attempt_count_max must be from 1 to 10000, and "
        "is 0; run_at must not be after the year 9999; backlog_max must not be negative; tag must "
        "have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"a b\"; traceparent must "
        "be a W3C traceparent of version 00");
}

TEST_CASE("a fault does not show arguments or keys") {
  NewJob job = ValidJob();
  job.args = "s3cret-args" + std::string(outlive::limits::kPayloadBytesMax, 'x');
  job.idempotency_key = "s3cret-key" + std::string(600, 'x');
  job.partition_key = "s3cret-partition" + std::string(600, 'x');
  job.follow_ups = {ValidFollowUp()};
  job.follow_ups[0].data = "s3cret-data\xFF";
  CHECK(Message(ValidateNewJob(job)).find("s3cret") == std::string::npos);
}

Job DeadJob() {
  Job job;
  job.id = 9'007'199'254'740'993;  // 2^53 + 1, which JavaScript cannot count to.
  job.kind = "mail.send";
  job.queue = "mail";
  job.args = R"({"to":"ann"})";
  job.state = outlive::JobState::kDead;
  job.priority = 2;
  job.attempt = 3;
  job.attempt_count_max = 3;
  job.crashes = 1;
  job.generation = 4;
  job.created_at = absl::FromUnixSeconds(0);
  job.run_at = absl::FromUnixMicros(1'500'000);
  job.started_at = absl::FromUnixSeconds(2);
  job.ended_at = absl::FromUnixSeconds(3);
  job.progress = 0.5;
  job.progress_note = "half";
  job.checkpoint = "page 7";
  job.output = "out";
  job.idempotency_key = "key";
  job.partition_key = "tenant";
  job.traceparent = kTraceparent;
  job.tags = {"a", "b"};
  job.errors = {AttemptError{1, absl::FromUnixSeconds(1), absl::StatusCode::kUnavailable, "down"},
                AttemptError{3, absl::FromUnixSeconds(3), absl::StatusCode::kInternal, "bug"}};
  job.artifacts = {{"id1", job.id, 2, "a.pdf", "application/pdf", 12, "ab", absl::UnixEpoch()}};
  return job;
}

TEST_CASE("an exported job is one line of JSON with everything in it") {
  CHECK(JobToJson(DeadJob()) ==
        R"({"id":"9007199254740993","kind":"mail.send","queue":"mail","state":"dead",)"
        R"("priority":2,"attempt":3,"attempt_count_max":3,"crashes":1,"generation":4,)"
        R"("created_at":"1970-01-01T00:00:00Z","run_at":"1970-01-01T00:00:01.5Z",)"
        R"("started_at":"1970-01-01T00:00:02Z","ended_at":"1970-01-01T00:00:03Z",)"
        R"("progress":5E-1,"progress_note":"half","args":"{\"to\":\"ann\"}",)"
        R"("checkpoint":"page 7","output":"out","idempotency_key":"key",)"
        R"("partition_key":"tenant",)"
        R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
        R"("tags":["a","b"],"errors":[{"attempt":1,"at":"1970-01-01T00:00:01Z",)"
        R"("code":"UNAVAILABLE","message":"down"},{"attempt":3,"at":"1970-01-01T00:00:03Z",)"
        R"("code":"INTERNAL","message":"bug"}],"artifacts":[{"id":"id1","name":"a.pdf",)"
        R"("media_type":"application/pdf","size":12,"sha256":"ab",)"
        R"("created_at":"1970-01-01T00:00:00Z"}]})");
}

TEST_CASE("what an exported job does not have is left out") {
  Job job;
  job.id = 1;
  job.kind = "k";
  job.queue = "q";
  job.created_at = absl::InfinitePast();
  job.run_at = absl::InfiniteFuture();
  CHECK(JobToJson(job) ==
        R"({"id":"1","kind":"k","queue":"q","state":"pending","priority":0,"attempt":0,)"
        R"("attempt_count_max":0,"crashes":0,"generation":0,"created_at":"infinite-past",)"
        R"("run_at":"infinite-future","progress":0E0,"tags":[],"errors":[],"artifacts":[]})");
}

TEST_CASE("what a sealed job carries is exported only where it is asked for") {
  Job job = DeadJob();
  job.sealed = true;
  job.payload_status = absl::DataLossError("the job's output cannot be opened: it was changed");
  const boost::json::value hidden = boost::json::parse(JobToJson(job));
  CHECK(hidden.at("sealed").as_bool());
  CHECK(hidden.at("payload_error").as_string() ==
        "the job's output cannot be opened: it was changed");
  for (const char* name : {"args", "checkpoint", "output", "args_base64"}) {
    CHECK(hidden.as_object().if_contains(name) == nullptr);
  }
  CHECK(hidden.at("idempotency_key").as_string() == "key");  // Not a payload.
  const boost::json::value shown = boost::json::parse(JobToJson(job, {.show_sealed = true}));
  CHECK(shown.at("sealed").as_bool());
  CHECK(shown.at("args").as_string() == job.args);
  CHECK(shown.at("checkpoint").as_string() == "page 7");
  CHECK(shown.at("output").as_string() == "out");
}

TEST_CASE("bytes that are not text are exported in base64, with nothing lost") {
  Job job = DeadJob();
  job.args = std::string("\0\xFF\xFE", 3);
  job.output = "\xFF";
  job.checkpoint = "\xFF\xFF";
  job.idempotency_key = "\x80";
  const boost::json::value json = boost::json::parse(JobToJson(job));
  CHECK(json.at("args_base64").as_string() == "AP/+");
  CHECK(json.at("output_base64").as_string() == "/w==");
  CHECK(json.at("checkpoint_base64").as_string() == "//8=");
  CHECK(json.at("idempotency_key_base64").as_string() == "gA==");
  CHECK(json.as_object().if_contains("args") == nullptr);
}

TEST_CASE("text with quotes, line ends and other alphabets stays one line and comes back") {
  Job job = DeadJob();
  constexpr char kText[] = "\"\\\r\n\t\x01 żółć 🦉 </script>\0";
  job.args = std::string(kText, sizeof kText - 1);
  job.errors[0].message = job.args;
  job.artifacts[0].name = job.args;
  const std::string text = JobToJson(job);
  CHECK(text.find('\n') == std::string::npos);
  const boost::json::value json = boost::json::parse(text);
  CHECK(json.at("args").as_string() == job.args);
  CHECK(json.at("errors").at(0).at("message").as_string() == job.args);
  CHECK(json.at("artifacts").at(0).at("name").as_string() == job.args);
}

}  // namespace
