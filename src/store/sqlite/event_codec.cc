#include "store/sqlite/event_codec.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace outlive::sqlite {
namespace {

// A quarter of what there is, so that sums of such numbers do not overflow.
constexpr std::int64_t kNumberMax = std::int64_t{1} << 61;

// Takes `token` from the front of `text`.
bool Skip(std::string_view& text, char token) {
  if (text.empty() || text.front() != token) return false;
  text.remove_prefix(1);
  return true;
}

bool ReadNumber(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

void AppendNumber(std::string& text, std::int64_t number) {
  std::array<char, 20> digits;
  const char* const end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

bool ReadEntry(std::string_view& text, EventEntry& entry) {
  std::int64_t type = 0;
  if (!Skip(text, '[') || !ReadNumber(text, type) || !Skip(text, ',') ||
      !ReadNumber(text, entry.job) || !Skip(text, ',') || !ReadNumber(text, entry.fence) ||
      !Skip(text, ']')) {
    return false;
  }
  entry.type = static_cast<EventType>(type);
  return true;
}

bool ReadEntries(std::string_view text, std::vector<EventEntry>& entries) {
  if (text == "[]") return true;
  char before = '[';
  while (Skip(text, before)) {
    EventEntry entry;
    if (!ReadEntry(text, entry)) return false;
    entries.push_back(entry);
    before = ',';
  }
  return text == "]" && before == ',';
}

}  // namespace

void AppendEntry(std::string& text, const EventEntry& entry) {
  text.append(text.empty() ? "[[" : ",[");
  AppendNumber(text, static_cast<int>(entry.type));
  text.push_back(',');
  AppendNumber(text, entry.job);
  text.push_back(',');
  AppendNumber(text, entry.fence);
  text.push_back(']');
}

void CloseEntries(std::string& text) { text.append(text.empty() ? "[]" : "]"); }

absl::Status CheckNumber(std::int64_t number) {
  if (number >= 0 && number <= kNumberMax) return absl::OkStatus();
  return absl::DataLossError("a row of outlive_event_batch has a number that there cannot be");
}

absl::Status DecodeEntries(std::string_view text, std::vector<EventEntry>& entries) {
  if (ReadEntries(text, entries)) return absl::OkStatus();
  return absl::DataLossError("a row of outlive_event_batch cannot be read");
}

}  // namespace outlive::sqlite
