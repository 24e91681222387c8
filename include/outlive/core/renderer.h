// Renderer turns a report into the bytes of one format.
//
//   Report ──► Renderer ──► ByteSink (a file, an artifact, a string)
//
// Memory:        constant over the number of rows.
// Thread-safety: one renderer may render several reports at once on several threads.
// Cancellation:  Render() looks at progress.cancelled() at least every few hundred rows.
// Errors:        kInvalidArgument: the report is not well formed, see ValidateReport().
//                kCancelled: progress said so.    Errors of rows and of the sink are passed on.
#ifndef OUTLIVE_CORE_RENDERER_H_
#define OUTLIVE_CORE_RENDERER_H_

#include <absl/status/status.h>

#include <string_view>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"

namespace outlive {

class Renderer {
 public:
  virtual ~Renderer() = default;

  // Writes the whole document. After an error what was written is of no use.
  virtual absl::Status Render(const Report& report, Progress& progress, ByteSink& out) = 0;

  // Such as "application/pdf".
  virtual std::string_view media_type() const = 0;

  // With the dot: ".pdf".
  virtual std::string_view file_extension() const = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_RENDERER_H_
