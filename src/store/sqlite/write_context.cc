#include "store/sqlite/write_context.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "core/return_if_error.h"
#include "store/sqlite/schema.h"

namespace outlive::sqlite {
namespace {

constexpr std::string_view kLastTime = "last_time";
constexpr std::string_view kSchemaVersion = "schema_version";

// Events, or completed jobs, in one row: who wants a few must not decode thousands.
constexpr std::size_t kBatchEventsMax = 512;

constexpr std::size_t kLanesKeptMax = 16;

// Whether jobs may have become due by it.
bool BringsWork(EventType type) {
  switch (type) {
    case EventType::kEnqueued:
    case EventType::kRetried:
    case EventType::kSnoozed:
    case EventType::kReleased:
    case EventType::kRescued:
    case EventType::kCrashed:
    case EventType::kRequeued:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status WriteContext::Start(bool reread) {
  if (reread || !known_) OUTLIVE_RETURN_IF_ERROR(ReadNewest());
  now_ = time_.Now();
  return absl::OkStatus();
}

absl::Status WriteContext::ReadNewest() {
  paused_known_ = false;
  {
    Rows rows = newest_batch_.Query();
    if (rows.Next()) {
      for (const int column : {0, 2, 3}) OUTLIVE_RETURN_IF_ERROR(CheckNumber(rows.Int(column)));
      next_seq_ = rows.Int(0) + rows.Int(2);
      time_.See(rows.Int(1));
      last_job_ = rows.Int(3);
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  {
    Rows rows = meta_.Query(kLastTime);
    if (rows.Next()) time_.See(rows.Int(0));
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  {
    Rows rows = meta_.Query(kSchemaVersion);
    if (rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(CheckSchemaVersion(rows.Int(0), SchemaVersion()));
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  const absl::StatusOr<bool> frozen = HasMeta(kFrozenName);
  OUTLIVE_RETURN_IF_ERROR(frozen.status());
  const absl::StatusOr<bool> filling = HasMeta(kCopyOfName);
  OUTLIVE_RETURN_IF_ERROR(filling.status());
  frozen_ = *frozen;
  filling_ = *filling;
  known_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> WriteContext::HasMeta(std::string_view name) {
  Rows rows = meta_.Query(name);
  const bool found = rows.Next();
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return found;
}

absl::Status WriteContext::Flush() {
  OUTLIVE_RETURN_IF_ERROR(FlushCounts());
  const bool has_event = !events_.empty();
  OUTLIVE_RETURN_IF_ERROR(FlushEvents());
  OUTLIVE_RETURN_IF_ERROR(FlushCompleted());
  if (keep_time_ && !has_event) OUTLIVE_RETURN_IF_ERROR(set_meta_.Run(kLastTime, now_));
  keep_time_ = false;
  return absl::OkStatus();
}

absl::Status WriteContext::FlushEvents() {
  for (std::size_t begin = 0; begin < events_.size(); begin += kBatchEventsMax) {
    const std::size_t count = std::min(kBatchEventsMax, events_.size() - begin);
    entries_.clear();
    for (std::size_t i = 0; i < count; ++i) AppendEntry(entries_, events_[begin + i]);
    CloseEntries(entries_);
    OUTLIVE_RETURN_IF_ERROR(add_batch_.Run(next_seq_, now_, count, last_job_, entries_));
    next_seq_ += static_cast<std::int64_t>(count);
  }
  events_.clear();
  return absl::OkStatus();
}

absl::Status WriteContext::FlushCompleted() {
  for (std::size_t begin = 0; begin < completed_.size(); begin += kBatchEventsMax) {
    const auto jobs = absl::MakeConstSpan(completed_).subspan(begin, kBatchEventsMax);
    OUTLIVE_RETURN_IF_ERROR(
        add_completed_batch_.Run(now_, absl::StrCat("[", absl::StrJoin(jobs, ","), "]")));
  }
  completed_.clear();
  return absl::OkStatus();
}

absl::Status WriteContext::FlushCounts() {
  for (auto& [lane, counts] : counts_) {
    if (std::all_of(counts.begin(), counts.end(), [](std::int64_t count) { return count == 0; })) {
      continue;
    }
    OUTLIVE_RETURN_IF_ERROR(
        count_.Run(lane, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]));
    counts.fill(0);
  }
  // A few stay, because the next transaction is about the same lanes; it looks at all of them.
  if (counts_.size() > kLanesKeptMax) counts_.clear();
  return absl::OkStatus();
}

void WriteContext::Forget() {
  known_ = false;
  catalog_.Forget();
  events_.clear();
  completed_.clear();
  counts_.clear();
  keep_time_ = false;
  hint_ = {};
}

void WriteContext::AddEvent(EventType type, JobId job, std::int64_t fence) {
  events_.push_back({type, job, fence});
  hint_.changed = true;
  if (BringsWork(type)) hint_.work = true;
  if (type == EventType::kCancelRequested) hint_.cancel = true;
}

void WriteContext::Count(LaneId lane, JobState state, int change) {
  counts_[lane][static_cast<std::size_t>(state)] += change;
}

absl::StatusOr<bool> WriteContext::IsPaused(NameId queue) {
  if (!paused_known_) OUTLIVE_RETURN_IF_ERROR(ReadPaused());
  return paused_.contains(queue);
}

absl::Status WriteContext::ReadPaused() {
  paused_.clear();
  Rows rows = paused_queues_.Query();
  while (rows.Next()) paused_.insert(rows.Int(0));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  paused_known_ = true;
  return absl::OkStatus();
}

absl::Status WriteContext::SetPaused(NameId queue, bool paused) {
  OUTLIVE_RETURN_IF_ERROR(set_queue_.Run(queue, paused));
  paused_known_ = false;
  return absl::OkStatus();
}

}  // namespace outlive::sqlite
