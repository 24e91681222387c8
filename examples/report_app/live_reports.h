// LiveReports tells open pages how their reports go on, as server-sent events.
//
//   event log ──► EventRelay ──► the reports that changed, as they are now ──► their users' streams
//
// Each event is named `report` and carries a whole report as GET /reports/{id} has it, so a reader
// needs no history; its id is a place in the event log. A reader that was away gives the last id it
// saw and gets every report that has changed since, once. Where that is too long ago, or too much,
// to be told, it gets `reset`, and has to read the list anew.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      store, service and JSON writer outlive it. The HTTP server is stopped
//                before it goes.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_LIVE_REPORTS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_LIVE_REPORTS_H_

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "outlive/core/event.h"
#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"
#include "outlive/engine/event_relay.h"
#include "outlive/http/event_stream.h"
#include "report_app/report_json.h"
#include "report_app/report_service.h"

namespace report_app {

class LiveReports {
 public:
  LiveReports(outlive::JobStore& store, ReportService& service, const ReportJson& json);

  absl::Status Start();
  void Stop();

  // The place in the event log where a reader that knows everything stands now.
  absl::StatusOr<std::int64_t> Now() const;

  // The jobs with entries after `after`; nothing where it is too long ago, or not a place at all.
  absl::StatusOr<std::optional<std::set<outlive::JobId>>> ChangedSince(std::int64_t after) const;

  // Room for the events that wait for one reader (EventStreamOptions::buffer_bytes_max). Whoever
  // does not keep up loses the stream and comes again, so what is sent at once has to be well below
  // it.
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

  // Who reads, and from where on.
  struct Reader {
    std::string user;
    std::optional<outlive::JobId> only;  // One report, and the stream ends with it. Else all.
    std::optional<std::int64_t> after;   // What the reader saw last; nothing: it has seen nothing.
  };
  void Add(outlive::http::EventSender sender, Reader reader);

 private:
  struct Stream {
    outlive::http::EventSender sender;
    Reader reader;
  };

  void OnEvents(absl::Span<const outlive::Event> events);
  void CatchUp(const Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseAll() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void SendReset(const Stream& stream, std::int64_t seq);
  static void SendReport(const Stream& stream, const Report& report, std::string data,
                         std::int64_t seq);

  outlive::JobStore& store_;
  ReportService& service_;
  const ReportJson& json_;

  // Held while a report is read and sent, so that no stream ever sees an older state after a newer.
  outlive::Mutex mutex_;
  std::map<std::int64_t, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  std::int64_t next_stream_ ABSL_GUARDED_BY(mutex_) = 1;

  outlive::EventRelay relay_;  // Last: it calls OnEvents().
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_LIVE_REPORTS_H_
