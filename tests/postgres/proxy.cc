#include "tests/postgres/proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "outlive/core/mutex.h"

namespace outlive::testing {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using SteadyClock = std::chrono::steady_clock;

// A direction that has so much under way reads no more: the sender is to feel it.
constexpr std::size_t kQueuedBytesMax = 256 * 1024;

// What is chosen for all connections. Only the proxy's thread looks at it.
struct Weather {
  bool black_hole = false;
  bool refuse = false;
  std::chrono::milliseconds delay{0};
  std::int64_t bytes_per_second = 0;
  std::optional<LostCommit> lost = {};
  std::function<void()> on_lost = {};
};

// One connection and its other half. Only the proxy's thread uses it.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(Socket client, const Weather& weather, std::string target,
          std::function<void(const std::shared_ptr<Session>&)> on_end)
      : weather_(weather),
        target_(std::move(target)),
        on_end_(std::move(on_end)),
        client_(std::move(client)),
        server_(client_.get_executor()),
        up_(client_, server_),
        down_(server_, client_) {}

  // Does what has become possible.
  void Proceed();
  void Close(Proxy::End how);

 private:
  struct Chunk {
    SteadyClock::time_point due = {};
    std::string bytes = {};
  };

  // One direction.
  struct Pump {
    Pump(Socket& source, Socket& sink) : from(source), to(sink), timer(source.get_executor()) {}

    Socket& from;
    Socket& to;
    asio::steady_timer timer;
    std::array<char, 16'384> buffer = {};
    std::deque<Chunk> queue = {};
    std::size_t queued_bytes = 0;
    SteadyClock::time_point last_due = {};
    bool is_reading = false;
    bool is_writing = false;
    bool has_ended = false;  // Its source says no more.
  };

  bool IsSilent() const { return weather_.black_hole || hangs_ || is_closed_; }
  void Connect();
  void Read(Pump& pump);
  void OnRead(Pump& pump, std::string_view bytes);
  void Queue(Pump& pump, std::string bytes);
  void Write(Pump& pump);

  const Weather& weather_;
  const std::string target_;
  const std::function<void(const std::shared_ptr<Session>&)> on_end_;
  Socket client_;
  Socket server_;
  Pump up_;
  Pump down_;
  CommitWatch watch_;
  bool is_connecting_ = false;
  bool is_connected_ = false;
  bool hangs_ = false;  // A commit was lost, and nothing was said about it.
  bool is_closed_ = false;
};

void Session::Proceed() {
  if (IsSilent()) return;
  if (!is_connected_) {
    Connect();
    return;
  }
  for (Pump* pump : {&up_, &down_}) {
    Write(*pump);
    Read(*pump);
  }
}

void Session::Connect() {
  if (std::exchange(is_connecting_, true)) return;
  server_.async_connect(asio::local::stream_protocol::endpoint(target_),
                        [self = shared_from_this()](error_code error) {
                          if (error) {  // As where nobody listens.
                            self->Close(Proxy::End::kReset);
                            return;
                          }
                          self->is_connected_ = true;
                          self->Proceed();
                        });
}

void Session::Read(Pump& pump) {
  if (IsSilent() || pump.is_reading || pump.has_ended) return;
  if (pump.queued_bytes >= kQueuedBytesMax) return;
  std::size_t size = pump.buffer.size();
  if (weather_.bytes_per_second > 0) {  // Small pieces, or a slow line becomes one that stops.
    size = std::min(size, static_cast<std::size_t>(weather_.bytes_per_second / 16 + 1));
  }
  pump.is_reading = true;
  pump.from.async_read_some(
      asio::buffer(pump.buffer.data(), size),
      [self = shared_from_this(), &pump](error_code error, std::size_t count) {
        pump.is_reading = false;
        if (self->is_closed_) return;
        if (error) {
          pump.has_ended = true;
        } else {
          self->OnRead(pump, std::string_view(pump.buffer.data(), count));
        }
        self->Write(pump);
        self->Read(pump);
      });
}

void Session::OnRead(Pump& pump, std::string_view bytes) {
  if (hangs_) return;
  const LostCommit* lost = weather_.lost ? &*weather_.lost : nullptr;
  CommitWatch::Verdict verdict =
      &pump == &up_ ? watch_.FromClient(bytes, lost) : watch_.FromServer(bytes, lost);
  if (!verdict.lost) {
    Queue(pump, std::move(verdict.forward));
    return;
  }
  if (lost->cut) {
    Close(Proxy::End::kReset);
  } else {
    hangs_ = true;
  }
  weather_.on_lost();
}

void Session::Queue(Pump& pump, std::string bytes) {
  if (bytes.empty()) return;
  const SteadyClock::time_point now = SteadyClock::now();
  SteadyClock::time_point due = std::max(now + weather_.delay, pump.last_due);
  if (weather_.bytes_per_second > 0) {
    const auto micros =
        static_cast<std::int64_t>(bytes.size()) * 1'000'000 / weather_.bytes_per_second;
    due = std::max(due, std::max(now, pump.last_due) + std::chrono::microseconds(micros));
  }
  pump.last_due = due;
  pump.queued_bytes += bytes.size();
  pump.queue.push_back({due, std::move(bytes)});
}

void Session::Write(Pump& pump) {
  if (IsSilent() || pump.is_writing) return;
  if (pump.queue.empty()) {
    if (pump.has_ended) Close(Proxy::End::kFin);
    return;
  }
  pump.is_writing = true;
  if (pump.queue.front().due > SteadyClock::now()) {
    pump.timer.expires_at(pump.queue.front().due);
    pump.timer.async_wait([self = shared_from_this(), &pump](error_code) {
      pump.is_writing = false;
      self->Write(pump);
    });
    return;
  }
  asio::async_write(pump.to, asio::buffer(pump.queue.front().bytes),
                    [self = shared_from_this(), &pump](error_code error, std::size_t) {
                      pump.is_writing = false;
                      if (self->is_closed_) return;
                      pump.queued_bytes -= pump.queue.front().bytes.size();
                      pump.queue.pop_front();
                      if (error) {
                        self->Close(Proxy::End::kFin);
                        return;
                      }
                      self->Write(pump);
                      self->Read(pump);
                    });
}

void Session::Close(Proxy::End how) {
  if (std::exchange(is_closed_, true)) return;
  error_code ignored;
  if (how == Proxy::End::kReset) {
    client_.set_option(asio::socket_base::linger(true, 0), ignored);
  } else {
    client_.shutdown(Socket::shutdown_both, ignored);
  }
  client_.close(ignored);
  server_.close(ignored);
  up_.timer.cancel();
  down_.timer.cancel();
  on_end_(shared_from_this());
}

}  // namespace

class Proxy::State {
 public:
  explicit State(std::string target)
      : target_(std::move(target)),
        acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        work_(io_.get_executor()) {
    weather_.on_lost = [this] { OnLost(); };
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~State() {
    Do([this] {
      acceptor_.close();
      CloseAll(End::kReset);
    });
    work_.reset();
    thread_.join();
  }

  int port() const { return acceptor_.local_endpoint().port(); }
  Weather& weather() { return weather_; }
  void set_target(const std::string& target) { target_ = target; }

  // Does it on the proxy's thread, and waits for it.
  void Do(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  // These only in Do().
  void ProceedAll() {
    for (const std::shared_ptr<Session>& session : std::set(sessions_)) session->Proceed();
  }
  void CloseAll(End how) {
    for (const std::shared_ptr<Session>& session : std::set(sessions_)) session->Close(how);
  }
  int open_count() const { return static_cast<int>(sessions_.size()); }
  int accepted_count() const { return accepted_count_; }

  void WaitUntilLost() {
    MutexLock lock(mutex_);
    while (is_losing_) changed_.Wait(mutex_);
  }
  void SetLosing() {
    MutexLock lock(mutex_);
    is_losing_ = true;
  }

 private:
  void OnLost() {
    weather_.lost.reset();
    {
      MutexLock lock(mutex_);
      is_losing_ = false;
    }
    changed_.NotifyAll();
  }

  void Accept() {
    acceptor_.async_accept([this](error_code error, asio::ip::tcp::socket client) {
      if (error == asio::error::operation_aborted) return;
      if (!error) Take(std::move(client));
      Accept();
    });
  }

  void Take(asio::ip::tcp::socket client) {
    ++accepted_count_;
    error_code ignored;
    if (weather_.refuse) {
      client.set_option(asio::socket_base::linger(true, 0), ignored);
      return;
    }
    client.set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto session = std::make_shared<Session>(
        Socket(std::move(client)), weather_, target_,
        [this](const std::shared_ptr<Session>& ended) { sessions_.erase(ended); });
    sessions_.insert(session);
    session->Proceed();
  }

  Weather weather_;
  std::string target_;
  std::set<std::shared_ptr<Session>> sessions_;
  int accepted_count_ = 0;

  Mutex mutex_;
  CondVar changed_;
  bool is_losing_ ABSL_GUARDED_BY(mutex_) = false;

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

Proxy::Proxy(const ServerAddress& server)
    : state_(std::make_unique<State>(server.socket_path())), port_(state_->port()) {}

Proxy::~Proxy() = default;

std::string Proxy::conninfo() const {
  return fmt::format("host=127.0.0.1 port={} user=app dbname=app", port_);
}

void Proxy::Cut(End how) {
  state_->Do([&] { state_->CloseAll(how); });
}

void Proxy::Refuse(bool refuse) {
  state_->Do([&] { state_->weather().refuse = refuse; });
}

void Proxy::PointAt(const ServerAddress& server) {
  state_->Do([&] { state_->set_target(server.socket_path()); });
}

void Proxy::BlackHole() {
  state_->Do([&] { state_->weather().black_hole = true; });
}

void Proxy::Heal() {
  state_->Do([&] {
    state_->weather().black_hole = false;
    state_->ProceedAll();
  });
}

void Proxy::SetDelay(std::chrono::milliseconds delay) {
  state_->Do([&] { state_->weather().delay = delay; });
}

void Proxy::SetRate(std::int64_t bytes_per_second) {
  state_->Do([&] { state_->weather().bytes_per_second = bytes_per_second; });
}

void Proxy::LoseCommit(const LostCommit& lost) {
  state_->SetLosing();
  state_->Do([&] { state_->weather().lost = lost; });
}

void Proxy::WaitUntilLost() { state_->WaitUntilLost(); }

int Proxy::open_count() const {
  int count = 0;
  state_->Do([&] { count = state_->open_count(); });
  return count;
}

int Proxy::accepted_count() const {
  int count = 0;
  state_->Do([&] { count = state_->accepted_count(); });
  return count;
}

}  // namespace outlive::testing
