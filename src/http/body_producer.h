// BodyProducer gives out the body of a response piece by piece, as fast as the client takes it.
// There is one for bytes in memory, one for a ByteSource, and EventProducer (event_producer.h).
//
// Thread-safety: the I/O thread only.
// Lifetime:      its owner keeps a producer until the callback of Next() has been called.
#ifndef OUTLIVE_SRC_HTTP_BODY_PRODUCER_H_
#define OUTLIVE_SRC_HTTP_BODY_PRODUCER_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/http/message.h"

namespace outlive::http {

// What is sent between two looks at the write deadline.
inline constexpr std::size_t kPieceBytesMax = std::size_t{64} * 1024;

struct BodyPiece {
  std::string_view bytes;  // Until the next call of Next(). Empty at the end only.
  bool is_last = false;
};

class BodyProducer {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<BodyPiece>)>;

  virtual ~BodyProducer() = default;

  // Calls back once, on the I/O thread, perhaps before it returns. Not called again after the last
  // piece or an error.
  virtual void Next(Callback callback) = 0;

  // Lets a Next() that waits for something end soon, by kCancelled.
  virtual void Cancel() {}
};

std::shared_ptr<BodyProducer> ProduceFromMemory(std::string bytes);

// Reads on a thread of `pool`, one piece at a time. kDataLoss where the source ends before
// `body.size` bytes.
std::shared_ptr<BodyProducer> ProduceFromSource(StreamBody body, boost::asio::io_context& io,
                                                boost::asio::thread_pool& pool);

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_BODY_PRODUCER_H_
