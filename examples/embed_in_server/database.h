// The host's own SQLite connection, as any server has one: nothing in here knows of jobs.
#ifndef OUTLIVE_EXAMPLES_EMBED_IN_SERVER_DATABASE_H_
#define OUTLIVE_EXAMPLES_EMBED_IN_SERVER_DATABASE_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace shop {

struct Order {
  std::int64_t id = 0;
  std::string item;
  std::string receipt;  // "pending" or "sent".
};

// For one thread: that of the server's event loop.
class Database {
 public:
  // Opens the file and makes the table of orders where there is none.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // All that `work` does, or nothing of it where it gives an error.
  absl::Status Transact(absl::FunctionRef<absl::Status()> work);

  absl::StatusOr<std::int64_t> AddOrder(const std::string& item);
  absl::Status MarkReceiptSent(std::int64_t order_id);
  std::vector<Order> Orders();

  sqlite3* handle() { return handle_; }

 private:
  Database() = default;
  absl::Status Execute(const char* sql);
  absl::Status Error(const char* what);

  sqlite3* handle_ = nullptr;
};

}  // namespace shop

#endif  // OUTLIVE_EXAMPLES_EMBED_IN_SERVER_DATABASE_H_
