#include "http/response_writer.h"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "http/deadline.h"
#include "outlive/http/message.h"

namespace outlive::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

beast::string_view View(std::string_view text) { return {text.data(), text.size()}; }

class BeastResponseWriter final : public ResponseWriter {
 public:
  BeastResponseWriter(asio::io_context& io, asio::ip::tcp::socket& socket, absl::Duration timeout)
      : socket_(socket), timeout_(timeout), deadline_(io) {}

  void Write(const ResponseHead& head, std::shared_ptr<BodyProducer> body,
             Callback callback) override {
    callback_ = std::move(callback);
    body_ = std::move(body);
    outcome_ = {};
    const bool has_body = SetHead(head);
    serializer_.emplace(*message_);
    if (has_body) return Pull();
    serializer_->split(true);
    outcome_.has_begun = true;
    StartDeadline();
    beast::http::async_write_header(
        socket_, *serializer_,
        [this](const error_code& error, std::size_t) { Finish(ToStatus(error)); });
  }

 private:
  // Whether a body follows.
  bool SetHead(const ResponseHead& head) {
    message_.emplace();
    message_->version(11);
    message_->result(static_cast<unsigned>(head.status));
    message_->reason(View(StatusText(head.status)));
    message_->set(beast::http::field::date, View(head.date));
    for (const HeaderField& field : head.headers.fields()) {
      message_->insert(View(field.name), View(field.value));
    }
    const bool has_no_content = head.status == 204 || head.status == 304;
    outcome_.keep_alive = head.keep_alive;
    if (!has_no_content) {
      if (head.content_length) {
        message_->content_length(*head.content_length);
      } else if (!head.head_only) {
        message_->chunked(!head.is_http_1_0);
        if (head.is_http_1_0) outcome_.keep_alive = false;  // The end of the connection is the end.
      }
    }
    if (!outcome_.keep_alive) {
      message_->set(beast::http::field::connection, "close");
    } else if (head.is_http_1_0) {
      message_->set(beast::http::field::connection, "keep-alive");
    }
    return !has_no_content && !head.head_only;
  }

  void Pull() {
    // Cut while the end of a write was on its way here: no producer has to wait for the next one.
    if (!socket_.is_open()) return Finish(absl::CancelledError("the connection was cut"));
    body_->Next([this](absl::StatusOr<BodyPiece> piece) { Send(std::move(piece)); });
  }

  void Send(absl::StatusOr<BodyPiece> piece) {
    if (!piece.ok()) return Finish(piece.status());
    // Beast wants void*, and only reads.
    message_->body().data = piece->bytes.empty() ? nullptr : const_cast<char*>(piece->bytes.data());
    message_->body().size = piece->bytes.size();
    message_->body().more = !piece->is_last;
    outcome_.has_begun = true;
    StartDeadline();
    beast::http::async_write(socket_, *serializer_,
                             [this, size = piece->bytes.size()](
                                 const error_code& error, std::size_t) { OnSent(error, size); });
  }

  void OnSent(const error_code& error, std::size_t size) {
    if (error && error != beast::http::error::need_buffer) return Finish(ToStatus(error));
    outcome_.body_bytes += size;
    if (serializer_->is_done()) return Finish(absl::OkStatus());
    deadline_.Stop();
    Pull();
  }

  // The socket is closed, not only cancelled, so that nothing more can be written by mistake.
  void StartDeadline() {
    deadline_.Start(timeout_, [this] {
      error_code ignored;
      socket_.close(ignored);
    });
  }

  static absl::Status ToStatus(const error_code& error) {
    if (!error) return absl::OkStatus();
    return absl::UnavailableError(error.message());
  }

  void Finish(absl::Status status) {
    deadline_.Stop();
    outcome_.status = std::move(status);
    body_.reset();
    Callback callback = std::exchange(callback_, nullptr);
    callback(std::move(outcome_));  // May destroy this writer.
  }

  asio::ip::tcp::socket& socket_;
  const absl::Duration timeout_;
  Deadline deadline_;

  Callback callback_;
  std::shared_ptr<BodyProducer> body_;
  WriteOutcome outcome_;
  std::optional<beast::http::response<beast::http::buffer_body>> message_;
  std::optional<beast::http::response_serializer<beast::http::buffer_body>> serializer_;
};

}  // namespace

std::unique_ptr<ResponseWriter> ResponseWriter::Create(asio::io_context& io,
                                                       asio::ip::tcp::socket& socket,
                                                       absl::Duration timeout) {
  return std::make_unique<BeastResponseWriter>(io, socket, timeout);
}

}  // namespace outlive::http
