#include "http/body_producer.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <exception>
#include <limits>
#include <utility>
#include <vector>

namespace outlive::http {
namespace {

class MemoryProducer final : public BodyProducer {
 public:
  explicit MemoryProducer(std::string bytes) : bytes_(std::move(bytes)) {}

  void Next(Callback callback) override {
    const std::string_view piece = std::string_view(bytes_).substr(offset_, kPieceBytesMax);
    offset_ += piece.size();
    callback(BodyPiece{piece, offset_ == bytes_.size()});
  }

 private:
  const std::string bytes_;
  std::size_t offset_ = 0;
};

class SourceProducer final : public BodyProducer {
 public:
  SourceProducer(StreamBody body, boost::asio::io_context& io, boost::asio::thread_pool& pool)
      : io_(io),
        pool_(pool),
        source_(std::move(body.source)),
        has_size_(body.size.has_value()),
        remaining_(body.size.value_or(std::numeric_limits<std::uint64_t>::max())),
        buffer_(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, kPieceBytesMax))) {}

  void Next(Callback callback) override {
    if (remaining_ == 0) return callback(BodyPiece{{}, true});
    boost::asio::post(pool_, [this, callback = std::move(callback)]() mutable {
      absl::StatusOr<std::size_t> size = Read();
      boost::asio::post(io_, [this, size = std::move(size),
                              callback = std::move(callback)]() mutable { callback(Piece(size)); });
    });
  }

 private:
  // On a thread of the pool. The source is the host's code, so this is a seam for exceptions.
  absl::StatusOr<std::size_t> Read() {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, buffer_.size()));
    try {
      return source_->Read(absl::MakeSpan(buffer_.data(), size));
    } catch (const std::exception& error) {
      return absl::UnknownError(error.what());
    } catch (...) {
      return absl::UnknownError("the source has thrown something");
    }
  }

  absl::StatusOr<BodyPiece> Piece(const absl::StatusOr<std::size_t>& size) {
    if (!size.ok()) return size.status();
    if (*size > buffer_.size()) return absl::InternalError("the source read more than asked for");
    if (*size == 0) {
      if (has_size_) return absl::DataLossError("the source ended before its size");
      remaining_ = 0;
      return BodyPiece{{}, true};
    }
    remaining_ -= *size;
    return BodyPiece{{buffer_.data(), *size}, remaining_ == 0};
  }

  boost::asio::io_context& io_;
  boost::asio::thread_pool& pool_;
  const std::unique_ptr<ByteSource> source_;
  const bool has_size_;
  std::uint64_t remaining_;
  std::vector<char> buffer_;
};

}  // namespace

std::shared_ptr<BodyProducer> ProduceFromMemory(std::string bytes) {
  return std::make_shared<MemoryProducer>(std::move(bytes));
}

std::shared_ptr<BodyProducer> ProduceFromSource(StreamBody body, boost::asio::io_context& io,
                                                boost::asio::thread_pool& pool) {
  return std::make_shared<SourceProducer>(std::move(body), io, pool);
}

}  // namespace outlive::http
