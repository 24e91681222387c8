#include "http/server_core.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "http/listener.h"
#include "http/session.h"

namespace outlive::http {

ServerCore::ServerCore(const ServerOptions& options, const HttpServer::Handler& handler,
                       ServerCounters& counters)
    : options_(options),
      handler_(handler),
      clock_(options.clock == nullptr ? SystemClockInstance() : *options.clock),
      log_(options.log == nullptr ? DefaultLogSink() : *options.log),
      counters_(counters),
      io_(1),
      work_(io_.get_executor()),
      drain_(io_),
      pool_(static_cast<std::size_t>(options.thread_count)),
      access_log_(pool_.get_executor()) {}

ServerCore::~ServerCore() = default;

PreparedResponse ServerCore::Handle(Request& request) {
  try {
    if (auto refused = CheckHost(request, options_.allowed_hosts)) return Refusal(*refused);
    return Prepare(request, handler_(request));
  } catch (const std::exception& error) {
    LogWarning(fmt::format("a handler has thrown: {}", error.what()));
  } catch (...) {
    LogWarning("a handler has thrown something that is no std::exception");
  }
  return Refusal(MakeProblem(500));
}

PreparedResponse ServerCore::Refusal(const Problem& problem) {
  PreparedResponse prepared{ToResponse(problem), nullptr};
  ApplySecurityHeaders(options_.security_headers, prepared.response);
  return prepared;
}

PreparedResponse ServerCore::Prepare(const Request& request, Response response) {
  if (response.status() < 200 || response.status() > 599) {
    LogWarning(fmt::format("a handler has returned the status {}", response.status()));
    return Refusal(MakeProblem(500));
  }
  if (!response.fault().ok()) {
    LogWarning(fmt::format("a response was not sent: {}", std::string(response.fault().message())));
    return Refusal(MakeProblem(500));
  }
  const auto* stream = std::get_if<StreamBody>(&response.body());
  if (stream != nullptr && stream->source == nullptr) {
    LogWarning("a handler has returned a stream without a source");
    return Refusal(MakeProblem(500));
  }
  ApplySecurityHeaders(options_.security_headers, response);
  if (std::holds_alternative<EventStreamBody>(response.body())) {
    return OpenStream(request, std::move(response));
  }
  return {std::move(response), nullptr};
}

PreparedResponse ServerCore::OpenStream(const Request& request, Response response) {
  if (request.method == Method::kHead) {
    response.set_body(std::string());
    return {std::move(response), nullptr};
  }
  auto& body = std::get<EventStreamBody>(response.body());
  if (!body.on_open || body.options.heartbeat <= absl::ZeroDuration()) {
    LogWarning("a handler has returned an event stream without on_open or heartbeat");
    return Refusal(MakeProblem(500));
  }
  auto stream = OpenEventStream::TryOpen(*this, body.options);
  if (stream == nullptr) {
    PreparedResponse refused = Refusal(MakeProblem(503, "There are too many event streams."));
    refused.response.Set("Retry-After", "10");
    return refused;
  }
  body.on_open(stream->sender());
  return {std::move(response), std::move(stream)};
}

void ServerCore::RunCallback(std::string_view what, absl::AnyInvocable<void()> callback) {
  boost::asio::post(pool_, [this, what, callback = std::move(callback)]() mutable {
    RunGuarded(what, [&] { callback(); });
  });
}

void ServerCore::LogAccess(AccessRecord record) {
  if (!options_.access_log) return;
  boost::asio::post(access_log_, [this, record = std::move(record)] {
    RunGuarded("access_log", [&] { options_.access_log(record); });
  });
}

void ServerCore::RunGuarded(std::string_view what, absl::FunctionRef<void()> callback) {
  try {
    callback();
  } catch (const std::exception& error) {
    LogWarning(fmt::format("{} has thrown: {}", what, error.what()));
  } catch (...) {
    LogWarning(fmt::format("{} has thrown something that is no std::exception", what));
  }
}

void ServerCore::LogWarning(std::string message) {
  const std::string line = EscapeForLog(fmt::format("http: {}", message));
  LogRecord record;
  record.level = LogLevel::kWarning;
  record.message = line;
  log_.Log(record);
}

absl::Status ServerCore::Listen() {
  listener_ = std::make_unique<Listener>(*this);
  return listener_->Open();
}

std::uint16_t ServerCore::port() const { return listener_->port(); }

bool ServerCore::Admit(const std::string& address) {
  if (counters_.connections >= options_.connection_count_max) return false;
  int& from_there = connections_by_address_[address];
  if (from_there >= options_.connection_count_per_address_max) return false;
  ++from_there;
  ++counters_.connections;
  return true;
}

void ServerCore::Add(std::shared_ptr<Session> session) { sessions_.insert(std::move(session)); }

void ServerCore::Remove(const std::shared_ptr<Session>& session, const std::string& address) {
  const auto place = connections_by_address_.find(address);
  if (--place->second == 0) connections_by_address_.erase(place);
  --counters_.connections;
  sessions_.erase(session);
  FinishStopIfEmpty();
}

void ServerCore::BeginStop() {
  is_stopping_ = true;
  listener_->Close();
  if (options_.drain_timeout > absl::ZeroDuration()) {
    drain_.Start(options_.drain_timeout, [this] { CutAll(); });
    // A copy, because sessions take themselves out.
    const std::vector<std::shared_ptr<Session>> sessions(sessions_.begin(), sessions_.end());
    for (const std::shared_ptr<Session>& session : sessions) session->BeginStop();
  } else {
    CutAll();
  }
  FinishStopIfEmpty();
}

void ServerCore::CutAll() {
  const std::vector<std::shared_ptr<Session>> sessions(sessions_.begin(), sessions_.end());
  for (const std::shared_ptr<Session>& session : sessions) session->Cut();
}

void ServerCore::FinishStopIfEmpty() {
  if (!is_stopping_ || !sessions_.empty()) return;
  drain_.Stop();
  work_.reset();
}

std::unique_ptr<OpenEventStream> OpenEventStream::TryOpen(ServerCore& core,
                                                          const EventStreamOptions& options) {
  std::atomic<int>& count = core.counters().event_streams;
  if (++count > core.options().event_stream_count_max) {
    --count;
    return nullptr;
  }
  return std::unique_ptr<OpenEventStream>(new OpenEventStream(core, options));
}

OpenEventStream::OpenEventStream(ServerCore& core, const EventStreamOptions& options)
    : core_(core),
      options_(options),
      channel_(std::make_shared<internal::EventChannel>(options.buffer_bytes_max)) {}

OpenEventStream::~OpenEventStream() {
  for (internal::EventChannel::Callback& callback : channel_->End()) {
    core_.RunCallback("OnClose", std::move(callback));
  }
  --core_.counters().event_streams;
}

}  // namespace outlive::http
