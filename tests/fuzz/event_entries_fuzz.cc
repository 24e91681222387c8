// Rows of the event log that this library did not write: they are refused, or read as what was
// written.
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/event_codec.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

std::string Encode(const std::vector<sqlite::EventEntry>& entries) {
  std::string text;
  for (const sqlite::EventEntry& entry : entries) sqlite::AppendEntry(text, entry);
  sqlite::CloseEntries(text);
  return text;
}

}  // namespace

void EventEntries(std::string_view input) {
  std::vector<sqlite::EventEntry> entries;
  const absl::Status status = sqlite::DecodeEntries(input, entries);
  if (!status.ok()) return Require(absl::IsDataLoss(status), "a refusal is a data loss");
  std::vector<sqlite::EventEntry> again;
  Require(sqlite::DecodeEntries(Encode(entries), again).ok(), "what was read can be written");
  Require(Encode(again) == Encode(entries), "and is the same");
  for (const sqlite::EventEntry& entry : entries) {
    static_cast<void>(EventTypeName(entry.type));  // Of any number.
  }
}

}  // namespace outlive::fuzz
