// Catalog knows the numbers of queue names, kinds and lanes (a queue and a kind that have met), and
// adds new ones. They are never deleted, so what it remembers stays true; only an undone
// transaction makes it forget.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_CATALOG_H_
#define OUTLIVE_SRC_STORE_SQLITE_CATALOG_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/sqlite/database.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

using NameId = std::int64_t;
using LaneId = std::int64_t;

struct LaneNames {
  std::string queue;
  std::string kind;
};

class Catalog {
 public:
  explicit Catalog(sqlite3* database) : database_(database) {}

  // The number of a name, or of a lane; added where it is new.
  absl::StatusOr<NameId> EnsureName(std::string_view text);
  absl::StatusOr<LaneId> EnsureLane(std::string_view queue, std::string_view kind);

  absl::StatusOr<LaneNames> NamesOf(LaneId lane);

  // Reads the lanes that others have added. After it FindLane() knows all of them.
  absl::Status ReadNewLanes();

  // Of what has been read: the lane, or nothing.
  std::optional<LaneId> FindLane(NameId queue, NameId kind) const;
  std::optional<NameId> FindName(const std::string& text) const;

  // How many lanes ReadNewLanes() has found; grows with every new one.
  std::int64_t last_lane() const { return last_lane_; }

  void Forget();

 private:
  absl::StatusOr<std::string> NameText(NameId id);

  sqlite3* const database_;
  absl::flat_hash_map<std::string, NameId> names_;
  absl::flat_hash_map<std::pair<NameId, NameId>, LaneId> lanes_;
  LaneId last_lane_ = 0;  // All lanes up to this one have been read.

  // What EnsureLane() was asked for last: jobs come in batches of one kind.
  LaneNames recent_names_;
  LaneId recent_lane_ = 0;

  Statement find_name_{database_, SqlText(kContextSql, "find_name")};
  Statement name_text_{database_, SqlText(kContextSql, "name_text")};
  Statement add_name_{database_, SqlText(kContextSql, "add_name")};
  Statement find_lane_{database_, SqlText(kContextSql, "find_lane")};
  Statement lane_names_{database_, SqlText(kContextSql, "lane_names")};
  Statement add_lane_{database_, SqlText(kContextSql, "add_lane")};
  Statement new_lanes_{database_, SqlText(kContextSql, "new_lanes")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_CATALOG_H_
