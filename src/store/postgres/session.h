// Session is a connection that runs statements: ours, or a host's.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_SESSION_H_
#define OUTLIVE_SRC_STORE_POSTGRES_SESSION_H_

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/params.h"
#include "store/postgres/rows.h"

namespace outlive::postgres {

// One statement of SqlBook and its parameters.
struct Query {
  std::string_view name;  // Outlives it: "claim/claim".
  Params params = {};

  // What follows the statement's text; such a query is planned anew each time.
  std::string more = {};
};

class Session {
 public:
  virtual ~Session() = default;

  // Runs all of them, in order, in one round trip where it can. After an error the rest is not run,
  // and a transaction that is open can only be rolled back.
  //
  // Errors: those of CodeOfState(); kUnavailable: the connection is lost.
  virtual absl::StatusOr<std::vector<Rows>> Run(absl::Span<const Query> queries) = 0;

  // The same for one.
  absl::StatusOr<Rows> RunOne(const Query& query) {
    absl::StatusOr<std::vector<Rows>> rows = Run({&query, 1});
    if (!rows.ok()) return rows.status();
    return std::move(rows->front());
  }
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_SESSION_H_
