// Proxy stands between clients on TCP and a PostgreSQL server, and does to their connections what
// networks do: ends them, in order or not, goes silent, is slow, and loses a commit's request or
// its answer at the very moment.
//
//   client ── 127.0.0.1:port() ──► Proxy ──► the socket in the server's folder
//
// What a silent network does that this cannot: bytes are acknowledged to the client by the kernel.
// So tcp_user_timeout sees nothing, and only the client's own timers help.
//
// Thread-safety: may be used from many threads at once. What a call asks for is done when it
//                returns.
// Lifetime:      its destructor ends every connection, and its thread.
#ifndef OUTLIVE_TESTS_POSTGRES_PROXY_H_
#define OUTLIVE_TESTS_POSTGRES_PROXY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/postgres/commit_watch.h"
#include "tests/postgres/server_address.h"

namespace outlive::testing {

class Proxy {
 public:
  explicit Proxy(const ServerAddress& server);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // As ServerAddress::conninfo(), through this proxy.
  std::string conninfo() const;
  int port() const { return port_; }

  enum class End {
    kFin,    // As a process that closes its socket does.
    kReset,  // As a host that knows nothing of the connection does.
  };

  // Ends all connections that there are.
  void Cut(End how);

  // New connections are reset, or no longer.
  void Refuse(bool refuse);

  // Where new connections go from now on: a failover, where addresses stay.
  void PointAt(const ServerAddress& server);

  // Nothing comes through any more, in either direction, and new connections get no answer. Undone
  // by Heal(): then what has been sent meanwhile comes through.
  void BlackHole();
  void Heal();

  // How long each byte is under way, in each direction.
  void SetDelay(std::chrono::milliseconds delay);

  // How many bytes of a connection get through in a second, in each direction. 0: no limit.
  void SetRate(std::int64_t bytes_per_second);

  // The next such commit on any connection is lost. One at a time; the newest counts.
  void LoseCommit(const LostCommit& lost = {});

  // Waits until it has been.
  void WaitUntilLost();

  // Connections that there are, and that there ever were.
  int open_count() const;
  int accepted_count() const;

 private:
  class State;
  const std::unique_ptr<State> state_;
  int port_ = 0;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_PROXY_H_
