// Foreign text on its way into logs, histories and names.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/utf8.h"
#include "outlive/core/job.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "outlive/core/trace_context.h"
#include "outlive/testing/seeded_random.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {

void LogText(std::string_view input) {
  const std::string escaped = EscapeForLog(input);
  Require(escaped.size() <= limits::kMessageBytesMax, "a message has a limit");
  Require(internal::IsUtf8(escaped), "a message is text");
  Require(std::none_of(escaped.begin(), escaped.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
          "a message is one line");
  Require(EscapeForLog(escaped) == escaped, "escaping again changes nothing");

  const absl::Status name = ValidateName("queue", input);
  const std::string said(name.message());
  Require(EscapeForLog(said) == said, "what is said of a name is one line");

  testing::SeededRandom random(1);
  const std::string child = ChildTraceparent(input, random);
  Require(child.empty() == !IsTraceparent(input), "a traceparent has children");
  Require(child.empty() || IsTraceparent(child), "which are traceparents");

  std::vector<AttemptError> errors;
  AddError(errors, {1, absl::UnixEpoch(), absl::StatusCode::kInternal, std::string(input)});
  Require(ErrorGroupKey("kind", errors).size() == 32, "every error is of a group");
}

}  // namespace outlive::fuzz
