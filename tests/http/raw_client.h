// A client that sends exactly the bytes it is told to, over a blocking socket on loopback.
//
// Nothing here waits for ever: each call gives up after kPatience, and the test then fails.
#ifndef OUTLIVE_TESTS_HTTP_RAW_CLIENT_H_
#define OUTLIVE_TESTS_HTTP_RAW_CLIENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/http/headers.h"

namespace outlive::http {

struct RawReply {
  int status = 0;  // 0: none came.
  Headers headers;
  std::string body;
  bool is_whole = false;  // False: the connection ended before the body did.

  std::string Header(std::string_view name) const {
    return std::string(headers.Get(name).value_or(""));
  }
};

struct RawClientOptions {
  std::string from = "127.0.0.1";  // Any address of 127.0.0.0/8 is ours.

  // Bytes the system may keep for this client before it reads. 0: as the system likes.
  int receive_buffer_bytes = 0;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const RawClientOptions& options = {});
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False: the server has closed the connection.
  bool Send(std::string_view bytes);

  // Says that nothing more will be sent.
  void CloseWrite();

  // Reads one response; `head_only` for one to HEAD. Passes over "100 Continue".
  RawReply ReadReply(bool head_only = false);

  // Sends and reads.
  RawReply Ask(std::string_view bytes) {
    Send(bytes);
    return ReadReply();
  }

  // Reads up to and with `marker`. What was read, where the connection ended before it.
  std::string ReadUntil(std::string_view marker);

  // One chunk of a chunked body. Empty: the last one, or the end of the connection.
  std::string ReadChunk();

  // Reads until the connection ends.
  std::string ReadToEnd();

  // Whether something comes within this time. The end of the connection counts.
  bool HasInput(int patience_ms) const;

  // Waits for the end of the connection, whatever comes before. False: it did not end.
  bool IsClosedByServer();

 private:
  // False at the end of the connection.
  bool ReadMore();

  int socket_;
  std::string buffered_;
  bool has_ended_ = false;  // Nothing more will be read: closed, or patience is over.
  bool is_closed_ = false;
};

// "GET <target> HTTP/1.1" with a Host and these further lines, each with its CRLF.
std::string GetRequest(std::string_view target, std::string_view more = {});

// A POST of this body with its length.
std::string PostRequest(std::string_view target, std::string_view body, std::string_view more = {});

}  // namespace outlive::http

#endif  // OUTLIVE_TESTS_HTTP_RAW_CLIENT_H_
