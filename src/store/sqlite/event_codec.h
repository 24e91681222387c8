// How the events of one commit are written in outlive_event_batch.entries: a JSON array of
// [type, job, fence], without spaces.
#ifndef OUTLIVE_SRC_STORE_SQLITE_EVENT_CODEC_H_
#define OUTLIVE_SRC_STORE_SQLITE_EVENT_CODEC_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/event.h"

namespace outlive::sqlite {

struct EventEntry {
  EventType type = EventType::kEnqueued;
  std::int64_t job = 0;
  std::int64_t fence = 0;
};

// Adds an entry to `text`, which is empty or what this function has made.
void AppendEntry(std::string& text, const EventEntry& entry);

// The end of the array. The empty string becomes the empty array.
void CloseEntries(std::string& text);

// A number of an event or a job, or how many there are: what is counted up from. kDataLoss: it is
// negative, or leaves none to those that come after it.
absl::Status CheckNumber(std::int64_t number);

// Adds what `text` holds to `entries`. kDataLoss: it is not what was written.
absl::Status DecodeEntries(std::string_view text, std::vector<EventEntry>& entries);

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_EVENT_CODEC_H_
