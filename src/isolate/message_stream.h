// Messages over a stream socket, in both directions.
//
// Thread-safety: none; a reader and a writer of one socket may be used by two threads.
#ifndef OUTLIVE_SRC_ISOLATE_MESSAGE_STREAM_H_
#define OUTLIVE_SRC_ISOLATE_MESSAGE_STREAM_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <optional>
#include <string>

#include "isolate/message.h"

namespace outlive::isolate {

class MessageReader {
 public:
  // Borrowed.
  explicit MessageReader(int socket) : socket_(socket) {}

  // Takes in what is there, up to 64 KiB; does not wait.
  enum class Received { kSomething, kNothing, kEnd };  // The end: closed, or no socket at all.
  Received Receive();

  // The next message that is all there.
  //
  // Errors: kInvalidArgument: these bytes are no message, and neither is anything after them.
  absl::StatusOr<std::optional<Message>> Next();

 private:
  int socket_;
  std::string bytes_;
  std::size_t begin_ = 0;  // What is before it has been given out.
};

class MessageWriter {
 public:
  // Borrowed.
  explicit MessageWriter(int socket) : socket_(socket) {}

  void Add(const Message& message);

  // Something waits to be written.
  bool pending() const { return begin_ < bytes_.size(); }

  // Writes what can be written without waiting. False: the other end is closed.
  bool Flush() { return Write(false); }

  // Writes everything, however long that takes. False: the other end is closed.
  bool FlushAll() { return Write(true); }

 private:
  bool Write(bool wait);

  int socket_;
  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_MESSAGE_STREAM_H_
