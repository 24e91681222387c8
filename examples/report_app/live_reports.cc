#include "report_app/live_reports.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <utility>
#include <vector>

#include "outlive/core/lifecycle.h"

namespace report_app {
namespace {

// A reader that has missed more than this reads the list instead. A stream that is dropped because
// it was told too much would come again with the same question, for ever.
constexpr int kMissedEventCountMax = 2'000;
constexpr std::size_t kMissedBytesMax = LiveReports::kBufferBytes / 4;

bool HasEnded(const Report& report) { return !report.job || IsTerminal(report.job->state); }

}  // namespace

LiveReports::LiveReports(outlive::JobStore& store, ReportService& service, const ReportJson& json)
    : store_(store),
      service_(service),
      json_(json),
      relay_(store, [this](absl::Span<const outlive::Event> events) { OnEvents(events); }) {}

absl::Status LiveReports::Start() {
  const absl::StatusOr<std::int64_t> now = Now();
  if (!now.ok()) return now.status();
  return relay_.Start(*now);
}

void LiveReports::Stop() { relay_.Stop(); }

absl::StatusOr<std::int64_t> LiveReports::Now() const { return store_.LastEvent(); }

absl::StatusOr<std::optional<std::set<outlive::JobId>>> LiveReports::ChangedSince(
    std::int64_t after) const {
  const absl::StatusOr<std::int64_t> now = Now();
  if (!now.ok()) return now.status();
  if (after < 0 || after > *now) return std::nullopt;  // Of another database.
  const absl::StatusOr<std::vector<outlive::Event>> events =
      store_.EventsAfter(after, kMissedEventCountMax);
  if (!events.ok()) return events.status();
  if (events->size() == kMissedEventCountMax) return std::nullopt;
  std::set<outlive::JobId> changed;
  for (const outlive::Event& event : *events) changed.insert(event.job_id);
  return changed;
}

void LiveReports::Add(outlive::http::EventSender sender, Reader reader) {
  std::int64_t number = 0;
  {
    outlive::MutexLock lock(mutex_);
    number = next_stream_++;
    const Stream& stream =
        streams_.emplace(number, Stream{sender, std::move(reader)}).first->second;
    CatchUp(stream);
  }
  // Not under the lock: a stream that is over already calls back at once.
  sender.OnClose([this, number] {
    outlive::MutexLock lock(mutex_);
    streams_.erase(number);
  });
}

void LiveReports::CatchUp(const Stream& stream) {
  const Reader& reader = stream.reader;
  const absl::StatusOr<std::int64_t> now = Now();
  if (!now.ok()) return stream.sender.Close();  // The browser comes again.
  std::set<outlive::JobId> changed;
  if (reader.only) {
    changed.insert(*reader.only);
  } else if (reader.after) {
    absl::StatusOr<std::optional<std::set<outlive::JobId>>> since = ChangedSince(*reader.after);
    if (!since.ok()) return stream.sender.Close();
    if (!*since) return SendReset(stream, *now);
    changed = **std::move(since);
  }
  std::vector<std::pair<Report, std::string>> missed;
  std::size_t byte_count = 0;
  for (const outlive::JobId id : changed) {
    absl::StatusOr<Report> report = service_.Get(reader.user, id);
    if (absl::IsNotFound(report.status())) continue;  // A delivery, or somebody else's.
    if (!report.ok()) return stream.sender.Close();
    std::string data = boost::json::serialize(json_(*report, *now));
    byte_count += data.size();
    if (!reader.only && byte_count > kMissedBytesMax) return SendReset(stream, *now);
    missed.emplace_back(*std::move(report), std::move(data));
  }
  for (auto& [report, data] : missed) SendReport(stream, report, std::move(data), *now);
}

void LiveReports::OnEvents(absl::Span<const outlive::Event> events) {
  std::set<outlive::JobId> changed;
  for (const outlive::Event& event : events) changed.insert(event.job_id);
  const std::int64_t seq = events.back().seq;

  outlive::MutexLock lock(mutex_);
  if (streams_.empty()) return;
  for (const outlive::JobId id : changed) {
    const absl::StatusOr<Report> report = service_.Find(id);
    if (absl::IsNotFound(report.status())) continue;  // Not a report but a delivery.
    if (!report.ok()) return CloseAll();  // Browsers come again, and say what they saw last.
    std::string data;                     // The same for all of a user's streams.
    for (const auto& [number, stream] : streams_) {
      const Reader& reader = stream.reader;
      if (reader.user != report->user || (reader.only && *reader.only != id)) continue;
      if (data.empty()) data = boost::json::serialize(json_(*report, seq));
      SendReport(stream, *report, data, seq);
    }
  }
}

void LiveReports::CloseAll() const {
  for (const auto& [number, stream] : streams_) stream.sender.Close();
}

void LiveReports::SendReset(const Stream& stream, std::int64_t seq) {
  (void)stream.sender.Send({.id = fmt::format("{}", seq), .name = "reset", .data = "{}"});
}

void LiveReports::SendReport(const Stream& stream, const Report& report, std::string data,
                             std::int64_t seq) {
  // Where it cannot be sent the stream is over, and the browser reconnects.
  (void)stream.sender.Send(
      {.id = fmt::format("{}", seq), .name = "report", .data = std::move(data)});
  if (stream.reader.only && HasEnded(report)) stream.sender.Close();
}

}  // namespace report_app
