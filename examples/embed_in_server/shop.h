// The server: takes an order a line over TCP, answers at once, and sends the receipt in a job.
//
// Everything runs on the host's own event loop, which has one thread: sessions, the worker, and all
// use of the database.
#ifndef OUTLIVE_EXAMPLES_EMBED_IN_SERVER_SHOP_H_
#define OUTLIVE_EXAMPLES_EMBED_IN_SERVER_SHOP_H_

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "embed_in_server/database.h"
#include "outlive/core/args.h"
#include "outlive/core/worker.h"
#include "outlive/engine/client.h"

namespace shop {

struct SendReceipt {
  static constexpr std::string_view kKind = "receipt.send";
  std::int64_t order_id = 0;
};
BOOST_DESCRIBE_STRUCT(SendReceipt, (), (order_id))

class Shop {
 public:
  // Both are borrowed and must outlive the shop.
  Shop(Database& database, outlive::Client& client) : database_(database), client_(client) {}

  // Serves until the acceptor is closed.
  boost::asio::awaitable<void> Serve(boost::asio::ip::tcp::acceptor& acceptor);

  // The worker. Its row and the job's end are one transaction: the receipt is marked once.
  boost::asio::awaitable<outlive::Outcome> Send(outlive::JobContext& job, const SendReceipt& args);

 private:
  boost::asio::awaitable<void> Session(boost::asio::ip::tcp::socket socket);

  // Order and job are one transaction: a row without its job, or a job without its row, cannot be.
  absl::StatusOr<outlive::Enqueued> PlaceOrder(const std::string& item);

  Database& database_;
  outlive::Client& client_;
};

}  // namespace shop

#endif  // OUTLIVE_EXAMPLES_EMBED_IN_SERVER_SHOP_H_
