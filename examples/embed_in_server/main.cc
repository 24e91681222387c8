// Embeds outlive in a server that has its own event loop and its own database: orders and jobs are
// written in one transaction, and a coroutine on the server's loop works them off.
//
// The program is its own client, so that there is something to see. Usage: embed_in_server [FILE]
#include <outlive/outlive.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "embed_in_server/database.h"
#include "embed_in_server/shop.h"

namespace {

using boost::asio::ip::tcp;

// What a customer's program does: one line there, one line back.
std::string Order(const tcp::endpoint& server, const std::string& item) {
  boost::asio::io_context loop;
  tcp::socket socket(loop);
  socket.connect(server);
  boost::asio::write(socket, boost::asio::buffer(item + "\n"));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  return answer;
}

void ShowResults(outlive::Client& client, shop::Database& database) {
  const auto jobs = client.List();
  for (auto row = jobs->rbegin(); row != jobs->rend(); ++row) {
    const absl::StatusOr<outlive::Job> job = client.Get(row->id);
    std::printf("job %d is %s: %s\n", static_cast<int>(job->id),
                std::string(outlive::JobStateName(job->state)).c_str(), job->output.c_str());
  }
  for (const shop::Order& order : database.Orders()) {
    std::printf("order %d: %s, receipt %s\n", static_cast<int>(order.id), order.item.c_str(),
                order.receipt.c_str());
  }
}

int Run(const std::string& path) {
  auto store = outlive::SqliteStore::Open(path);
  auto database = shop::Database::Open(path);
  if (!store.ok() || !database.ok()) {
    std::fprintf(stderr, "%s %s\n", store.status().ToString().c_str(),
                 database.status().ToString().c_str());
    return 1;
  }
  outlive::Client client(**store);
  shop::Shop shop(**database, client);
  boost::asio::io_context loop;

  outlive::WorkerSet workers;
  workers.Add<shop::SendReceipt>(
      [&shop](outlive::JobContext& job, const shop::SendReceipt& args) {
        return shop.Send(job, args);
      },
      {.timeout = absl::Seconds(30)});
  outlive::RunnerOptions options;
  options.executor = loop.get_executor();
  outlive::Runner runner(client, workers, std::move(options));

  tcp::acceptor acceptor(loop, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0));
  boost::asio::co_spawn(loop, shop.Serve(acceptor), [](const std::exception_ptr&) {});
  auto work = boost::asio::make_work_guard(loop);
  std::thread server([&loop] { loop.run(); });
  const absl::Status started = runner.Start();
  if (started.ok()) {
    for (const char* item : {"tea", "the moon", "cake"}) {
      std::printf("%s: %s", item, Order(acceptor.local_endpoint(), item).c_str());
    }
    // The answers came before the work was done. Here somebody waits for it.
    for (outlive::JobId id = 1; id <= 2; ++id) {
      client.WaitFor(id, (*store)->clock().Now() + absl::Seconds(30)).status().IgnoreError();
    }
  }
  // No more orders, then no more jobs, then no more loop.
  boost::asio::post(loop, [&acceptor] { acceptor.close(); });
  runner.Stop(absl::Seconds(30));
  work.reset();
  server.join();
  if (started.ok()) ShowResults(client, **database);
  return started.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc > 1 ? argv[1] : "shop.db");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
