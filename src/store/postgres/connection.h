// Connection is one connection of ours: made when it is needed, and again after it was lost.
//
// Statements are prepared the first time they are used, and several of them travel in one pipeline.
// Where a pooler is in between nothing is prepared, and each transaction is configured in the round
// trip that begins it. All waiting has a deadline by the machine's clock, whatever the network
// does.
//
// Thread-safety: none.
// Errors:        kUnavailable, kFailedPrecondition (not let in), kDeadlineExceeded (the server has
//                given up a statement), and what CodeOfState() says.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_H_

#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>
#include <libpq-fe.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/random.h"
#include "store/postgres/conninfo.h"
#include "store/postgres/session.h"
#include "store/postgres/session_settings.h"
#include "store/postgres/sql_book.h"

namespace outlive::postgres {

struct ConnectionOptions {
  std::string conninfo;
  std::vector<Host> hosts = std::vector<Host>(1);  // HostsIn() it.
  std::string secret;                              // The password in it: never to be seen.
  absl::Duration connect_timeout;
  absl::Duration reply_timeout;  // For one round trip.
  bool pooled = false;           // A pooler may give another server connection each transaction.
  RandomSource* random = nullptr;

  // By name: statement_timeout, … Of the session; where it is pooled, of each transaction, because
  // what is set on a pooler's connection would be found by its next user.
  SessionSettings settings;
};

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

class Connection final : public Session {
 public:
  // Both outlive it.
  Connection(const ConnectionOptions& options, const SqlBook& book)
      : options_(options), book_(book) {}

  // Connects, unless there is a usable connection; after a failure not at once, but later each
  // time.
  absl::Status Ensure(absl::Duration timeout);

  absl::StatusOr<std::vector<Rows>> Run(absl::Span<const Query> queries) override;

  // Several statements in one text, without parameters.
  absl::Status RunScript(const std::string& script, std::string_view doing);

  // Ends a transaction that may be open. What cannot be ended so is closed.
  void Rollback();

  void Close() { connection_.reset(); }

  // Closes it where the server is known to have done so.
  void CloseIfLost();

  bool connected() const { return connection_ != nullptr; }

  // The last Run() has failed at a statement before its last one, by the server's own words: what
  // came after it was not executed.
  bool refused() const { return refused_; }

  // Connected, and what is prepared on it is of use still.
  bool usable() const { return connected() && !stale_; }
  PGconn* handle() const { return connection_.get(); }

  // Of the server: 150018.
  int server_version() const { return PQserverVersion(connection_.get()); }

 private:
  // A command on its way: the making of a prepared statement, the settings of a transaction, or
  // what the caller has asked for.
  enum class Purpose { kPrepare, kConfigure, kAnswer };
  struct Sent {
    std::string_view name;
    Purpose purpose = Purpose::kAnswer;
  };

  absl::Status Connect(absl::Duration timeout);
  absl::Status ConnectTo(const Host& host, absl::Duration deadline);
  absl::Status ConfigureSession();
  absl::Status Send(absl::Span<const Query> queries, std::vector<Sent>& sent);
  absl::Status SendOne(const Query& query, std::vector<Sent>& sent);
  absl::Status SendSettings(std::vector<Sent>& sent);
  absl::Status SendSetting(const Query& query, std::vector<Sent>& sent);
  absl::StatusOr<std::vector<Rows>> Receive(absl::Span<const Sent> sent, absl::Duration deadline);
  absl::Status Await(absl::Duration deadline, std::string_view doing);
  absl::StatusOr<ResultPtr> NextResult(absl::Duration deadline, std::string_view doing);
  absl::Status Lost(std::string_view doing);

  const ConnectionOptions& options_;
  const SqlBook& book_;
  std::unique_ptr<PGconn, FinishConnection> connection_;
  absl::flat_hash_set<std::string_view> prepared_;
  std::size_t first_host_ = 0;  // To be tried.
  bool stale_ = false;
  bool refused_ = false;
  int failure_count_ = 0;
  absl::Duration retry_at_ = absl::ZeroDuration();  // Since boot.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_H_
