#include "report_app/page.h"

#include <string>
#include <string_view>

#include "outlive/http/message.h"
#include "report_app/page_files.h"

namespace report_app {

absl::Status AddPage(outlive::http::Router& router) {
  static constexpr struct {
    std::string_view path;
    std::string_view bytes;
    std::string_view media_type;
  } kFiles[] = {{"/", kIndexHtml, "text/html; charset=utf-8"},
                {"/app.css", kAppCss, "text/css; charset=utf-8"},
                {"/app.js", kAppJs, "text/javascript; charset=utf-8"},
                {"/api.js", kApiJs, "text/javascript; charset=utf-8"},
                {"/form.js", kFormJs, "text/javascript; charset=utf-8"},
                {"/reports.js", kReportsJs, "text/javascript; charset=utf-8"},
                {"/icon.svg", kIconSvg, "image/svg+xml"}};
  for (const auto& file : kFiles) {
    const absl::Status status =
        router.Add(outlive::http::Method::kGet, file.path, [&file](const outlive::http::Request&) {
          // Asked for again each time: after an update, page and script always fit together.
          outlive::http::Response response =
              outlive::http::Response::Bytes(std::string(file.bytes), file.media_type);
          response.Set("Cache-Control", "no-cache");
          return response;
        });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace report_app
