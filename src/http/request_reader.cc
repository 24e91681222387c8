#include "http/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/none.hpp>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "http/deadline.h"
#include "http/head_scanner.h"
#include "http/request_framing.h"
#include "http/request_target.h"

namespace outlive::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t kHeadReadBytes = 4096;
constexpr std::size_t kBodyReadBytes = std::size_t{16} * 1024;

// A line between two chunks, and the trailer after the last one, may not be longer.
constexpr std::size_t kChunkLineBytesMax = std::size_t{16} * 1024;

// Extensions of chunks mean nothing to us; in all they may not be longer than this in one request.
constexpr std::size_t kChunkExtensionBytesMax = 4096;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

class BeastRequestReader final : public RequestReader {
 public:
  BeastRequestReader(asio::io_context& io, asio::ip::tcp::socket& socket,
                     const ServerOptions& options)
      : socket_(socket),
        options_(options),
        limits_{options.header_bytes_max, options.target_bytes_max, options.header_count_max},
        buffer_(options.header_bytes_max + kHeadReadBytes + kBodyReadBytes + kChunkLineBytesMax),
        deadline_(io) {}

  void Read(Callback callback) override {
    callback_ = std::move(callback);
    outcome_ = {};
    is_late_ = false;
    parsed_bytes_ = 0;
    scanner_.emplace(limits_);
    StartDeadline(is_first_ || buffer_.size() > 0 ? options_.header_timeout
                                                  : options_.idle_timeout);
    is_idle_ = !is_first_ && buffer_.size() == 0;
    is_first_ = false;
    ScanHead();
  }

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;

  void StartDeadline(absl::Duration timeout) {
    deadline_.Start(timeout, [this] {
      is_late_ = true;
      error_code ignored;
      socket_.cancel(ignored);
    });
  }

  void Finish(ReadOutcome::Kind kind) {
    deadline_.Stop();
    outcome_.kind = kind;
    Callback callback = std::exchange(callback_, nullptr);
    callback(std::move(outcome_));  // May destroy this reader.
  }

  void Refuse(HttpError error) {
    outcome_.error = std::move(error);
    Finish(ReadOutcome::Kind::kRefused);
  }

  // After an error of the socket while the head or body was incomplete.
  void Abandon() {
    if (is_late_ && buffer_.size() + parsed_bytes_ > 0) {
      return Refuse({408, "The request did not arrive in time."});
    }
    Finish(ReadOutcome::Kind::kClosed);
  }

  std::string_view Buffered() const {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  }

  // -- The head ----------------------------------------------------------------------------

  void ScanHead() {
    switch (scanner_->Scan(Buffered())) {
      case HeadScanner::State::kMore:
        return ReadMoreHead();
      case HeadScanner::State::kRefused:
        return Refuse(scanner_->error());
      case HeadScanner::State::kComplete:
        return ParseHead();
    }
  }

  void ReadMoreHead() {
    socket_.async_read_some(buffer_.prepare(kHeadReadBytes),
                            [this](const error_code& error, std::size_t size) {
                              buffer_.commit(size);
                              if (error || is_late_) return Abandon();
                              if (std::exchange(is_idle_, false)) {
                                StartDeadline(options_.header_timeout);
                              }
                              ScanHead();
                            });
  }

  void ParseHead() {
    const std::size_t head_bytes = scanner_->head_bytes() - scanner_->skipped_bytes();
    buffer_.consume(scanner_->skipped_bytes());
    parser_.emplace();
    parser_->eager(false);
    parser_->header_limit(std::numeric_limits<std::uint32_t>::max());  // The scanner's business.
    parser_->body_limit(boost::none);                                  // CheckFraming()'s.
    error_code error;
    parser_->put(asio::const_buffer(buffer_.data().data(), head_bytes), error);
    buffer_.consume(head_bytes);
    parsed_bytes_ = head_bytes;
    if (error || !parser_->is_header_done()) {
      return Refuse({400, "The head of the request is malformed."});
    }
    if (auto refused = TakeHead()) return Refuse(*std::move(refused));
    CheckBody();
  }

  // Moves what Beast has parsed over to the request, and checks it.
  std::optional<HttpError> TakeHead() {
    const auto& head = parser_->get();
    Request& request = outcome_.request;
    outcome_.method = View(head.method_string());
    outcome_.is_http_1_0 = head.version() < 11;
    outcome_.keep_alive = head.keep_alive();
    for (const auto& field : head) {
      if (!request.headers.Add(View(field.name_string()), View(field.value())).ok()) {
        return HttpError{400, "A header is malformed."};
      }
    }
    const std::optional<Method> method = ParseMethod(outcome_.method);
    if (!method) return HttpError{501, "This method is not known here."};
    request.method = *method;
    auto target = ParseTarget(*method, View(head.target()));
    if (auto* error = std::get_if<HttpError>(&target)) return *std::move(error);
    return TakeTarget(std::get<RequestTarget>(std::move(target)));
  }

  std::optional<HttpError> TakeTarget(RequestTarget target) {
    Request& request = outcome_.request;
    request.path = std::move(target.path);
    request.query = std::move(target.query);
    request.query_parameters = std::move(target.query_parameters);

    auto framing = CheckFraming(request.headers, outcome_.is_http_1_0, options_.body_bytes_max);
    if (auto* error = std::get_if<HttpError>(&framing)) return *std::move(error);
    framing_ = std::get<RequestFraming>(framing);
    // Two parsers, one opinion.
    const bool agreed = parser_->chunked() == framing_.is_chunked &&
                        parser_->content_length().value_or(0) == framing_.content_length;
    if (!agreed) return HttpError{400, "The length of the body is ambiguous."};
    if (!target.authority.empty() && !request.headers.Set("Host", target.authority).ok()) {
      return HttpError{400, "The target of the request is malformed."};
    }
    return std::nullopt;
  }

  // -- The body ----------------------------------------------------------------------------

  void CheckBody() {
    if (parser_->is_done()) return Complete();
    StartDeadline(options_.body_timeout);
    parser_->eager(true);
    parser_->body_limit(options_.body_bytes_max);
    extension_bytes_ = 0;
    on_chunk_ = [this](std::uint64_t, beast::string_view extensions, error_code& error) {
      extension_bytes_ += extensions.size();
      if (extension_bytes_ > kChunkExtensionBytesMax) {
        error = beast::http::error::bad_chunk_extension;
      }
    };
    parser_->on_chunk_header(on_chunk_);
    if (!framing_.expects_continue || buffer_.size() > 0) return ParseBody();
    asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                      [this](const error_code& error, std::size_t) {
                        if (error || is_late_) return Abandon();
                        ReadMoreBody();
                      });
  }

  void ReadMoreBody() {
    socket_.async_read_some(buffer_.prepare(kBodyReadBytes),
                            [this](const error_code& error, std::size_t size) {
                              buffer_.commit(size);
                              if (error || is_late_) return Abandon();
                              ParseBody();
                            });
  }

  void ParseBody() {
    while (buffer_.size() > 0 && !parser_->is_done()) {
      error_code error;
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (error == beast::http::error::need_more) break;
      if (error == beast::http::error::body_limit) return Refuse({413, "The body is too large."});
      if (error) return Refuse({400, "The body of the request is malformed."});
    }
    if (parser_->is_done()) return Complete();
    if (buffer_.size() > kChunkLineBytesMax) {
      return Refuse({400, "A line between two chunks is too long."});
    }
    ReadMoreBody();
  }

  void Complete() {
    // Not the trailer fields, which Beast adds to the others: anything could be smuggled in there.
    outcome_.request.body = std::move(parser_->get().body());
    Finish(ReadOutcome::Kind::kRequest);
  }

  asio::ip::tcp::socket& socket_;
  const ServerOptions& options_;
  const HeadLimits limits_;
  beast::flat_buffer buffer_;
  Deadline deadline_;

  Callback callback_;
  ReadOutcome outcome_;
  std::optional<HeadScanner> scanner_;
  std::optional<Parser> parser_;
  RequestFraming framing_;
  std::function<void(std::uint64_t, beast::string_view, error_code&)> on_chunk_;
  std::size_t extension_bytes_ = 0;
  std::size_t parsed_bytes_ = 0;
  bool is_first_ = true;
  bool is_idle_ = false;  // Between two requests.
  bool is_late_ = false;
};

}  // namespace

std::unique_ptr<RequestReader> RequestReader::Create(asio::io_context& io,
                                                     asio::ip::tcp::socket& socket,
                                                     const ServerOptions& options) {
  return std::make_unique<BeastRequestReader>(io, socket, options);
}

}  // namespace outlive::http
