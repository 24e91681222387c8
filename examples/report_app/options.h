// The command line of the app. `outlive_report_app --help` is its manual.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_OPTIONS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_OPTIONS_H_

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report_app/notifications.h"
#include "report_app/report_service.h"

namespace report_app {

struct Options {
  // Where it listens.
  std::string address = "127.0.0.1";
  bool allow_non_loopback = false;
  std::uint16_t port = 8080;
  std::string port_file;                // Gets the port once the app is ready. Empty: none.
  std::vector<std::string> host_names;  // Beside those of loopback.
  std::string base_url;                 // Of links in mails. Empty: http://ADDRESS:PORT.
  bool access_log = false;

  // What it keeps, and where.
  std::string data_dir = "./outlive-data";
  std::string store;  // Of the jobs, as in outlive::OpenStore(). Empty: the file of the data.
  std::string csv_path;

  // How it works.
  int concurrency = 2;
  absl::Duration pace = absl::ZeroDuration();
  absl::Duration lease = absl::Seconds(10);
  absl::Duration stop_grace = absl::Seconds(5);
  absl::Duration link_ttl = absl::Hours(24);  // As long as completed reports are kept.
  bool allow_simulate = false;
  ReportServiceOptions service;
  NotificationOptions notifications;
};

// Reads the command line, and secrets from the environment. Nothing: the program is to end now with
// `exit_code`; everything has been said.
std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_OPTIONS_H_
