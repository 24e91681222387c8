#include "http/session.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>
#include <variant>

#include "http/text.h"

namespace outlive::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr absl::Duration kLingerTimeout = absl::Seconds(2);
constexpr std::size_t kLingerBytesMax = std::size_t{4} << 20;

// The reader of an event stream has nothing to say; a stray line is forgiven.
constexpr std::size_t kReaderBytesMax = std::size_t{8} * 1024;

}  // namespace

Session::Session(ServerCore& core, tcp::socket socket, std::string peer_address)
    : core_(core),
      socket_(std::move(socket)),
      peer_address_(std::move(peer_address)),
      reader_(RequestReader::Create(core.io(), socket_, core.options())),
      writer_(ResponseWriter::Create(core.io(), socket_, core.options().write_timeout)),
      linger_deadline_(core.io()) {}

void Session::ReadRequest() {
  phase_ = Phase::kReading;
  reader_->Read(
      [self = shared_from_this()](ReadOutcome outcome) { self->OnRead(std::move(outcome)); });
}

void Session::OnRead(ReadOutcome outcome) {
  if (is_cut_ || outcome.kind == ReadOutcome::Kind::kClosed) return End();
  received_at_ = core_.clock().SinceBoot();
  incoming_ = std::move(outcome);
  incoming_.request.peer_address = peer_address_;
  if (incoming_.kind == ReadOutcome::Kind::kRequest) return HandleRequest();
  incoming_.keep_alive = false;
  Respond(core_.Refusal(MakeProblem(incoming_.error.status, incoming_.error.detail)));
}

void Session::HandleRequest() {
  phase_ = Phase::kHandling;
  // The session is moved from thread to thread and back, never shared: a handler thread must not be
  // the last to let go of it.
  asio::post(core_.pool(), [self = shared_from_this()]() mutable {
    ServerCore& core = self->core_;
    PreparedResponse prepared = core.Handle(self->incoming_.request);
    asio::post(core.io(), [self = std::move(self), prepared = std::move(prepared)]() mutable {
      self->Respond(std::move(prepared));
    });
  });
}

void Session::Respond(PreparedResponse prepared) {
  phase_ = Phase::kWriting;
  status_ = prepared.response.status();
  const ResponseHead head = MakeHead(prepared);
  std::shared_ptr<BodyProducer> body = MakeProducer(prepared);
  auto on_written = [self = shared_from_this()](WriteOutcome outcome) {
    self->OnWritten(std::move(outcome));
  };
  if (is_cut_) return on_written({absl::CancelledError("the connection was cut"), true, false, 0});
  writer_->Write(head, std::move(body), std::move(on_written));
  if (events_ == nullptr) return;
  WatchReader();
  if (core_.is_stopping()) events_->Close();
}

ResponseHead Session::MakeHead(const PreparedResponse& prepared) const {
  const Response& response = prepared.response;
  ResponseHead head;
  head.status = response.status();
  head.headers = response.headers();
  head.date = HttpDate(core_.clock().Now());
  head.is_http_1_0 = incoming_.is_http_1_0;
  head.head_only = incoming_.method == "HEAD";
  // The reader of an event stream is watched, and what it sends is thrown away.
  head.keep_alive =
      incoming_.keep_alive && !core_.is_stopping() && prepared.event_stream == nullptr;
  if (const auto* text = std::get_if<std::string>(&response.body())) {
    const bool is_unknown = head.head_only && text->empty();
    if (!is_unknown) head.content_length = text->size();
  } else if (const auto* stream = std::get_if<StreamBody>(&response.body())) {
    head.content_length = stream->size;
  }
  return head;
}

std::shared_ptr<BodyProducer> Session::MakeProducer(PreparedResponse& prepared) {
  if (prepared.event_stream != nullptr) {
    events_ = std::make_shared<EventProducer>(std::move(prepared.event_stream), core_.io());
    events_->Attach([this] { CutStream(); });
    return events_;
  }
  Response::Body& body = prepared.response.body();
  if (auto* text = std::get_if<std::string>(&body)) return ProduceFromMemory(std::move(*text));
  return ProduceFromSource(std::move(std::get<StreamBody>(body)), core_.io(), core_.pool());
}

void Session::OnWritten(WriteOutcome outcome) {
  if (events_ != nullptr) {
    events_.reset();
    error_code ignored;
    socket_.cancel(ignored);  // Of WatchReader().
  }
  if (!outcome.status.ok() && !outcome.has_begun && !is_cut_) {
    core_.LogWarning(fmt::format("the body of {} cannot be read: {}", incoming_.request.path,
                                 std::string(outcome.status.message())));
    return Respond(core_.Refusal(MakeProblem(500)));
  }
  LogAccess(outcome);
  if (!outcome.status.ok() || is_cut_) return End();
  if (outcome.keep_alive && !core_.is_stopping()) return ReadRequest();
  Linger();
}

void Session::LogAccess(const WriteOutcome& outcome) {
  AccessRecord record;
  record.peer_address = peer_address_;
  record.method = incoming_.method;
  record.path = incoming_.request.path;
  record.status = status_;
  record.body_bytes = outcome.body_bytes;
  record.duration = core_.clock().SinceBoot() - received_at_;
  record.complete = outcome.status.ok();
  core_.LogAccess(std::move(record));
}

void Session::WatchReader() {
  socket_.async_read_some(asio::buffer(scratch_),
                          [self = shared_from_this()](const error_code& error, std::size_t size) {
                            if (self->events_ == nullptr) return;  // The stream has ended before.
                            self->discarded_bytes_ += size;
                            if (error || self->discarded_bytes_ > kReaderBytesMax)
                              return self->CutStream();
                            self->WatchReader();
                          });
}

void Session::CutStream() {
  error_code ignored;
  socket_.close(ignored);
  // Kept for the call, at the end of which the session may have let go of it.
  const std::shared_ptr<EventProducer> events = events_;
  if (events != nullptr) events->Cancel();
}

void Session::BeginStop() {
  switch (phase_) {
    case Phase::kReading:
    case Phase::kLingering:
      return Cut();
    case Phase::kWriting:
      if (events_ == nullptr) return;
      // Somebody who has not read the last piece yet may never do so.
      if (events_->is_writing()) return Cut();
      return events_->Close();
    case Phase::kHandling:
    case Phase::kEnded:
      return;
  }
}

void Session::Cut() {
  is_cut_ = true;
  CutStream();
}

void Session::Linger() {
  phase_ = Phase::kLingering;
  error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  if (error || core_.is_stopping()) return End();
  discarded_bytes_ = 0;
  linger_deadline_.Start(kLingerTimeout, [this] {
    error_code ignored;
    socket_.close(ignored);
  });
  Discard();
}

void Session::Discard() {
  socket_.async_read_some(asio::buffer(scratch_),
                          [self = shared_from_this()](const error_code& error, std::size_t size) {
                            self->discarded_bytes_ += size;
                            if (error || self->discarded_bytes_ > kLingerBytesMax)
                              return self->End();
                            self->Discard();
                          });
}

void Session::End() {
  phase_ = Phase::kEnded;
  linger_deadline_.Stop();
  error_code ignored;
  socket_.close(ignored);
  core_.Remove(shared_from_this(), peer_address_);
}

}  // namespace outlive::http
