#include "report_app/options.h"

#include <absl/strings/ascii.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <utility>

#include "outlive/artifact/signed_link.h"
#include "outlive/core/secret.h"
#include "outlive/store/open_store.h"

namespace report_app {
namespace {

// An option that takes a duration such as 250ms, 10s or 1h30m.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         absl::Duration min, absl::Duration max, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, min, max](const std::string& text) {
            if (!absl::ParseDuration(text, &value) || value < min || value > max) {
              throw CLI::ValidationError(name, "must be a duration from " +
                                                   absl::FormatDuration(min) + " to " +
                                                   absl::FormatDuration(max) + ", such as 10s");
            }
          },
          description)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(value));
}

// "https://host[:port][/path]": the host is one that browsers will name.
void ReadBaseUrl(std::string url, Options& options) {
  const std::size_t scheme_end = url.find("://");
  const bool is_http = url.starts_with("http://") || url.starts_with("https://");
  const std::size_t start = scheme_end + 3;
  const bool is_clean = url.find_first_of("?#@\\\"<> ") == std::string::npos &&
                        std::all_of(url.begin(), url.end(), absl::ascii_isprint);
  const std::string host =
      is_http ? url.substr(start, url.find_first_of(":/", start) - start) : std::string();
  if (!is_clean || host.empty()) {
    throw CLI::ValidationError("--base-url", "must be like https://reports.example.com");
  }
  while (url.back() == '/') url.pop_back();
  options.base_url = std::move(url);
  options.host_names.push_back(host);
}

void AddServerOptions(CLI::App& app, Options& options) {
  app.add_option("--address", options.address, "IP address to listen on")->capture_default_str();
  app.add_flag("--allow-non-loopback", options.allow_non_loopback,
               "Listen where other machines can reach the app. It has no login: put one in front");
  app.add_option("--port", options.port, "Port; 0 is any free one")->capture_default_str();
  app.add_option("--port-file", options.port_file, "Write the port there once the app is ready");
  app.add_option("--host-name", options.host_names,
                 "Another name under which browsers may ask for the app; may be repeated")
      ->take_all();
  app.add_option_function<std::string>(
         "--base-url", [&options](const std::string& url) { ReadBaseUrl(url, options); },
         "Where browsers find the app, such as https://reports.example.com, if not at its own "
         "address. Links in mails start with it, and its host is a --host-name")
      ->type_name("URL");
  app.add_flag("--access-log", options.access_log, "Log every request");
}

void AddWorkOptions(CLI::App& app, Options& options) {
  const absl::Duration day = absl::Hours(24);
  const absl::Duration zero = absl::ZeroDuration();
  app.add_option("--data-dir", options.data_dir, "Database, documents and keys; made when missing")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--store",
         [&options](const std::string& address) {
           const absl::StatusOr<outlive::StoreAddress> parsed = outlive::ParseStoreAddress(address);
           if (!parsed.ok()) {
             throw CLI::ValidationError("--store", std::string(parsed.status().message()));
           }
           options.store = address;
         },
         "Where the jobs are, if not in the database in DATA-DIR: " + outlive::BuiltInStores())
      ->type_name("STORE");
  app.add_option("--data-file", options.csv_path, "The strikes, read at the first start")
      ->capture_default_str();
  app.add_option("--concurrency", options.concurrency, "Reports that are made at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--backlog", options.service.backlog_max, "Reports that may wait; more get a 429")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--max-attempts", options.service.attempt_count_max,
                 "Attempts before a report is given up")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  AddDuration(app, "--retry-initial", options.service.retry_initial, zero, day,
              "Pause before the second attempt; each further one is four times as long");
  app.add_option_function<double>(
         "--pace",
         [&options](const double& milliseconds) {
           options.pace = absl::Milliseconds(milliseconds);
         },
         "Pause this many milliseconds after every 50 rows, to watch a report being made")
      ->type_name("MS")
      ->check(CLI::Range(0.0, 60'000.0));
  AddDuration(app, "--lease", options.lease, absl::Seconds(1), day,
              "How long after a crash others take this process's reports over");
  AddDuration(app, "--stop-grace", options.stop_grace, zero, day,
              "How long running reports may go on when the app is told to stop");
  AddDuration(app, "--link-ttl", options.link_ttl, absl::Seconds(1), outlive::LinkSigner::kTtlMax,
              "How long download links are good");
  app.add_flag("--allow-simulate", options.allow_simulate,
               "Let requests ask for failures: \"simulate\": fail, fail_once, dead or crash");
}

// What is to be read from the secrets' sources, and not from the command line, which others see.
struct SecretSources {
  std::string webhook_secret_file;
};

void AddNotificationOptions(CLI::App& app, NotificationOptions& options, SecretSources& sources) {
  CLI::Option* smtp =
      app.add_option("--smtp-url", options.smtp_url,
                     "Mail server, smtp://host:port or smtps://host:port. User and password come "
                     "from OUTLIVE_SMTP_USER and OUTLIVE_SMTP_PASSWORD");
  CLI::Option* from = app.add_option("--mail-from", options.mail_from, "Sender of mails");
  smtp->needs(from);
  from->needs(smtp);
  CLI::Option* url = app.add_option("--webhook-url", options.webhook_url,
                                    "Tell this endpoint (Standard Webhooks) when a report ends. "
                                    "The secret (whsec_...) comes from OUTLIVE_WEBHOOK_SECRET");
  app.add_option("--webhook-secret-file", sources.webhook_secret_file,
                 "Read the webhook's secret from this file instead")
      ->check(CLI::ExistingFile)
      ->needs(url);
  app.add_flag("--webhook-allow-private", options.webhook_allow_private,
               "Allow plain HTTP and addresses of this machine for the webhook, to try it out");
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

void ReadSecrets(const SecretSources& sources, NotificationOptions& options) {
  options.smtp_user = Environment("OUTLIVE_SMTP_USER");
  options.smtp_password = outlive::Secret(Environment("OUTLIVE_SMTP_PASSWORD"));
  std::string secret = Environment("OUTLIVE_WEBHOOK_SECRET");
  if (!sources.webhook_secret_file.empty()) {
    std::ifstream file(sources.webhook_secret_file);
    file >> secret;  // One word.
  }
  options.webhook_secret = outlive::Secret(secret);
  outlive::Secret::Wipe(secret.data(), secret.size());
}

}  // namespace

std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code) {
  Options options;
  options.csv_path = OUTLIVE_REPORT_APP_CSV;
  SecretSources sources;
  CLI::App app("Reports on aircraft wildlife strikes: the example of the library outlive.",
               "outlive_report_app");
  app.option_defaults()->take_last();
  AddServerOptions(app, options);
  AddWorkOptions(app, options);
  AddNotificationOptions(app, options.notifications, sources);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  ReadSecrets(sources, options.notifications);
  return options;
}

}  // namespace report_app
