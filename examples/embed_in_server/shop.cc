#include "embed_in_server/shop.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace shop {

using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;

awaitable<void> Shop::Serve(tcp::acceptor& acceptor) {
  auto executor = co_await boost::asio::this_coro::executor;
  while (true) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    // A client that goes away in the middle is no news.
    boost::asio::co_spawn(executor, Session(std::move(socket)), [](const std::exception_ptr&) {});
  }
}

awaitable<void> Shop::Session(tcp::socket socket) {
  std::string line;
  auto buffer = boost::asio::dynamic_buffer(line, 256);
  const std::size_t size =
      co_await boost::asio::async_read_until(socket, buffer, '\n', use_awaitable);
  const absl::StatusOr<outlive::Enqueued> job = PlaceOrder(line.substr(0, size - 1));
  const std::string answer = job.ok() ? "accepted, job " + std::to_string(job->id) + "\n"
                                      : "refused, " + std::string(job.status().message()) + "\n";
  co_await boost::asio::async_write(socket, boost::asio::buffer(answer), use_awaitable);
}

absl::StatusOr<outlive::Enqueued> Shop::PlaceOrder(const std::string& item) {
  absl::StatusOr<outlive::Enqueued> job = absl::UnknownError("not placed");
  absl::Status placed = database_.Transact([&]() -> absl::Status {
    const absl::StatusOr<std::int64_t> order = database_.AddOrder(item);
    if (!order.ok()) return order.status();
    job = client_.EnqueueIn(database_.handle(), SendReceipt{*order});
    if (!job.ok()) return job.status();
    // Row and job are both written by now. Both go with the transaction.
    if (item == "the moon") return absl::OutOfRangeError("we do not deliver the moon");
    return absl::OkStatus();
  });
  if (!placed.ok()) return placed;
  return job;
}

awaitable<outlive::Outcome> Shop::Send(outlive::JobContext& job, const SendReceipt& args) {
  // Stands for a mail server: waits without keeping the server's only thread.
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer mail(executor, std::chrono::milliseconds(10));
  co_await mail.async_wait(use_awaitable);

  absl::Status stored = database_.Transact([&]() -> absl::Status {
    if (absl::Status marked = database_.MarkReceiptSent(args.order_id); !marked.ok()) {
      return marked;
    }
    return job.CompleteIn(database_.handle(), "receipt " + std::to_string(args.order_id));
  });
  co_return stored;  // OK is Done; an error is retried.
}

}  // namespace shop
