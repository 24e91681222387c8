#include "outlive/http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include "http/server_core.h"
#include "outlive/core/mutex.h"

namespace outlive::http {
namespace {

// Collects what is wrong with the options.
class Faults {
 public:
  void Check(bool good, std::string_view fault) {
    if (good) return;
    if (!text_.empty()) text_ += "; ";
    text_ += fault;
  }

  absl::Status ToStatus() const {
    if (text_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format("ServerOptions: {}", text_));
  }

 private:
  std::string text_;
};

bool IsBetween(std::int64_t value, std::int64_t least, std::int64_t most) {
  return value >= least && value <= most;
}

void CheckAddress(const ServerOptions& options, Faults& faults) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options.address, error);
  faults.Check(!error, "address is not an IP address");
  faults.Check(static_cast<bool>(error) || address.is_loopback() || options.allow_non_loopback,
               "address is reachable from outside, which needs allow_non_loopback");
}

void CheckSecurityHeaders(const SecurityHeaders& headers, Faults& faults) {
  Response response;
  ApplySecurityHeaders(headers, response);
  faults.Check(response.fault().ok(), "security_headers have a control character");
}

absl::Status CheckOptions(const ServerOptions& options) {
  Faults faults;
  CheckAddress(options, faults);
  CheckSecurityHeaders(options.security_headers, faults);
  faults.Check(
      options.drain_timeout >= absl::ZeroDuration() && options.drain_timeout <= absl::Hours(24),
      "drain_timeout is negative or over 24 h");
  faults.Check(IsBetween(static_cast<std::int64_t>(options.header_bytes_max), 512, 32 * 1024),
               "header_bytes_max is not between 512 and 32768");
  faults.Check(IsBetween(static_cast<std::int64_t>(options.target_bytes_max), 1, 32 * 1024),
               "target_bytes_max is not between 1 and 32768");
  faults.Check(IsBetween(options.header_count_max, 1, 1000),
               "header_count_max is not between 1 and 1000");
  faults.Check(options.body_bytes_max <= std::size_t{1} << 30, "body_bytes_max is over 1 GiB");
  faults.Check(IsBetween(options.connection_count_max, 1, 100'000),
               "connection_count_max is not between 1 and 100000");
  faults.Check(options.connection_count_per_address_max > 0,
               "connection_count_per_address_max is not positive");
  faults.Check(IsBetween(options.event_stream_count_max, 0, options.connection_count_max - 1),
               "event_stream_count_max is not below connection_count_max");
  faults.Check(IsBetween(options.thread_count, 1, 256), "thread_count is not between 1 and 256");
  for (const absl::Duration timeout : {options.header_timeout, options.body_timeout,
                                       options.idle_timeout, options.write_timeout}) {
    faults.Check(timeout > absl::ZeroDuration() && timeout <= absl::Hours(24),
                 "a timeout is not between 0 and 24 h");
  }
  return faults.ToStatus();
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(ServerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)) {}

  absl::Status Start() {
    MutexLock lock(mutex_);
    if (core_ != nullptr) return absl::FailedPreconditionError("the HTTP server runs already");
    absl::Status checked = CheckOptions(options_);
    if (!checked.ok()) return checked;
    if (!handler_) return absl::InvalidArgumentError("the HTTP server has no handler");
    try {
      return StartLocked();
    } catch (const std::exception& error) {  // No thread, or no descriptor for the event loop.
      core_.reset();
      return absl::InternalError(fmt::format("cannot start the HTTP server: {}", error.what()));
    }
  }

  void Stop() {
    // Held throughout, so that all who call it return when it is done. Nothing that runs in the
    // server takes this lock.
    MutexLock lock(mutex_);
    if (core_ == nullptr) return;
    boost::asio::post(core_->io(), [core = core_.get()] { core->BeginStop(); });
    io_thread_.join();
    core_->pool().join();  // The last callbacks.
    core_.reset();
    port_ = 0;
  }

  std::uint16_t port() const { return port_; }
  const ServerCounters& counters() const { return counters_; }

 private:
  absl::Status StartLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    core_ = std::make_unique<ServerCore>(options_, handler_, counters_);
    absl::Status listening = core_->Listen();
    if (!listening.ok()) {
      core_.reset();
      return listening;
    }
    io_thread_ = std::thread([core = core_.get()] { Run(*core); });
    port_ = core_->port();
    return absl::OkStatus();
  }

  // The host's code runs on other threads. What may be thrown here is std::bad_alloc, after which
  // nothing could be said about any connection, so it ends the program.
  static void Run(ServerCore& core) noexcept { core.io().run(); }

  const ServerOptions options_;
  const Handler handler_;
  ServerCounters counters_;
  std::atomic<std::uint16_t> port_ = 0;

  Mutex mutex_;
  std::unique_ptr<ServerCore> core_ ABSL_GUARDED_BY(mutex_);
  std::thread io_thread_ ABSL_GUARDED_BY(mutex_);
};

HttpServer::HttpServer(ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { Stop(); }

absl::Status HttpServer::Start() { return impl_->Start(); }

void HttpServer::Stop() { impl_->Stop(); }

std::uint16_t HttpServer::port() const { return impl_->port(); }

int HttpServer::connection_count() const { return impl_->counters().connections; }

int HttpServer::event_stream_count() const { return impl_->counters().event_streams; }

}  // namespace outlive::http
