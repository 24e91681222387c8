#include "store/sqlite/job_list.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "core/return_if_error.h"

namespace outlive::sqlite {

absl::StatusOr<std::vector<JobId>> JobList::Find(const JobFilter& filter, const JobPage& page) {
  found_.clear();
  Question question;
  question.before = page.before == 0 ? std::numeric_limits<JobId>::max() : page.before;
  question.count_max = page.row_count_max;
  const absl::StatusOr<bool> any = FindLanes(filter, question);
  OUTLIVE_RETURN_IF_ERROR(any.status());
  const bool dead_only = !filter.error_group.empty();
  if (!*any || (dead_only && filter.state && filter.state != JobState::kDead)) return found_;
  if (!filter.tag.empty()) {
    OUTLIVE_RETURN_IF_ERROR(AddByTag(filter, question));
  } else if (dead_only) {
    OUTLIVE_RETURN_IF_ERROR(Add(
        by_error_.Query(question.before, question.count_max, question.lanes, filter.error_group)));
  } else if (!filter.state && !question.lanes) {
    OUTLIVE_RETURN_IF_ERROR(Add(all_.Query(question.before, question.count_max)));
  } else {
    OUTLIVE_RETURN_IF_ERROR(AddByState(filter, question));
  }
  std::sort(found_.begin(), found_.end(), std::greater<>());
  if (found_.size() > static_cast<std::size_t>(page.row_count_max)) {
    found_.resize(static_cast<std::size_t>(page.row_count_max));
  }
  return found_;
}

absl::StatusOr<bool> JobList::FindLanes(const JobFilter& filter, Question& question) {
  if (filter.queue.empty() && filter.kind.empty()) return true;
  Rows rows = lanes_.Query(TextOrNull{filter.queue}, TextOrNull{filter.kind});
  if (!rows.Next()) return rows.status();
  question.lanes = std::string(rows.Text(0));
  return rows.Int(1) > 0;
}

absl::Status JobList::AddByTag(const JobFilter& filter, const Question& question) {
  std::optional<int> state;
  if (filter.state) state = static_cast<int>(*filter.state);
  return Add(by_tag_.Query(question.before, question.count_max, question.lanes, filter.tag, state,
                           TextOrNull{filter.error_group}));
}

absl::Status JobList::AddByState(const JobFilter& filter, const Question& question) {
  const auto wanted = [&filter](JobState state) { return !filter.state || filter.state == state; };
  if (wanted(JobState::kPending)) OUTLIVE_RETURN_IF_ERROR(AddPending(question));
  if (wanted(JobState::kBlocked)) {
    OUTLIVE_RETURN_IF_ERROR(
        Add(blocked_.Query(question.before, question.count_max, question.lanes)));
  }
  if (wanted(JobState::kRunning)) {
    OUTLIVE_RETURN_IF_ERROR(
        Add(running_.Query(question.before, question.count_max, question.lanes)));
  }
  if (!filter.state) {
    return Add(ended_.Query(question.before, question.count_max, question.lanes));
  }
  switch (*filter.state) {
    case JobState::kCompleted:
      return Add(completed_.Query(question.before, question.count_max, question.lanes));
    case JobState::kCancelled:
    case JobState::kDead:
      return AddRare(*filter.state, question);
    case JobState::kPending:
    case JobState::kBlocked:
    case JobState::kRunning:
      break;
  }
  return absl::OkStatus();
}

absl::Status JobList::AddRare(JobState state, const Question& question) {
  return Add(
      rare_.Query(question.before, question.count_max, question.lanes, static_cast<int>(state)));
}

absl::Status JobList::AddPending(const Question& question) {
  double pending = 0;
  double all = 0;
  {
    Rows rows = counts_.Query(question.lanes);
    if (rows.Next()) {
      pending = rows.Real(0);
      all = rows.Real(1);
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if (pending == 0) return absl::OkStatus();
  // To sort everything that is pending, or to go through the newest jobs until enough of them are.
  // The second looks at a row several times as wide, in several tables.
  const double jobs_per_hit = all / pending;
  const bool few = pending < 8 * jobs_per_hit * question.count_max;
  Statement& source = few ? pending_by_lane_ : pending_by_job_;
  return Add(source.Query(question.before, question.count_max, question.lanes));
}

absl::Status JobList::Add(Rows rows) {
  while (rows.Next()) found_.push_back(rows.Int(0));
  return rows.status();
}

}  // namespace outlive::sqlite
