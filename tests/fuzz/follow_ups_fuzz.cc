// Follow-ups and their arguments in rows of unknown origin.
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/follow_up.h"
#include "outlive/core/job.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {

void FollowUps(std::string_view input) {
  const absl::StatusOr<std::vector<FollowUp>> follow_ups = DecodeFollowUps(input);
  if (follow_ups.ok()) {
    const absl::StatusOr<std::vector<FollowUp>> again =
        DecodeFollowUps(EncodeFollowUps(*follow_ups));
    Require(again.ok() && *again == *follow_ups, "what was read can be written, and is the same");
    Job ended;
    ended.state = JobState::kDead;
    ended.output = std::string(input);
    for (const NewJob& job : FollowUpJobs(*follow_ups, ended)) {
      Require(DecodeFollowUpArgs(job.args).ok(), "what a store makes of it can be read");
    }
  }
  const Payloads payloads(nullptr, "store");
  const absl::StatusOr<std::vector<FollowUp>> kept = payloads.OpenFollowUps(7, input);
  Require(kept.ok() || IsUnreadable(kept.status()), "it is read, or it says that it cannot be");
  Require(!kept.ok() || follow_ups.ok(), "a store reads nothing else");

  const absl::StatusOr<FollowUpArgs> args = DecodeFollowUpArgs(input);
  if (!args.ok()) return;
  FollowUp follow_up;
  follow_up.data = args->data;
  Require(DecodeFollowUpArgs(MakeFollowUpJob(follow_up, args->end).args).ok(),
          "arguments that were read can be written");
}

}  // namespace outlive::fuzz
