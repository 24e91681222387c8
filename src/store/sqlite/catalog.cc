#include "store/sqlite/catalog.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "core/return_if_error.h"

namespace outlive::sqlite {

absl::StatusOr<NameId> Catalog::EnsureName(std::string_view text) {
  std::string name(text);
  const auto known = names_.find(name);
  if (known != names_.end()) return known->second;
  NameId id = 0;
  {
    Rows rows = find_name_.Query(text);
    if (rows.Next()) id = rows.Int(0);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if (id == 0) {
    OUTLIVE_RETURN_IF_ERROR(add_name_.Run(text));
    id = sqlite3_last_insert_rowid(database_);
  }
  names_.emplace(std::move(name), id);
  return id;
}

absl::StatusOr<LaneId> Catalog::EnsureLane(std::string_view queue, std::string_view kind) {
  if (recent_lane_ != 0 && recent_names_.queue == queue && recent_names_.kind == kind) {
    return recent_lane_;
  }
  const absl::StatusOr<NameId> queue_id = EnsureName(queue);
  OUTLIVE_RETURN_IF_ERROR(queue_id.status());
  const absl::StatusOr<NameId> kind_id = EnsureName(kind);
  OUTLIVE_RETURN_IF_ERROR(kind_id.status());
  LaneId id = FindLane(*queue_id, *kind_id).value_or(0);
  if (id == 0) {
    Rows rows = find_lane_.Query(*queue_id, *kind_id);
    if (rows.Next()) id = rows.Int(0);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if (id == 0) {
    OUTLIVE_RETURN_IF_ERROR(add_lane_.Run(*queue_id, *kind_id));
    id = sqlite3_last_insert_rowid(database_);
  }
  lanes_.emplace(std::pair(*queue_id, *kind_id), id);
  recent_names_ = {std::string(queue), std::string(kind)};
  recent_lane_ = id;
  return id;
}

absl::StatusOr<LaneNames> Catalog::NamesOf(LaneId lane) {
  NameId queue = 0;
  NameId kind = 0;
  {
    Rows rows = lane_names_.Query(lane);
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return absl::DataLossError(fmt::format("there is no lane {} in outlive_lane", lane));
    }
    queue = rows.Int(0);
    kind = rows.Int(1);
  }
  absl::StatusOr<std::string> queue_text = NameText(queue);
  OUTLIVE_RETURN_IF_ERROR(queue_text.status());
  absl::StatusOr<std::string> kind_text = NameText(kind);
  OUTLIVE_RETURN_IF_ERROR(kind_text.status());
  return LaneNames{*std::move(queue_text), *std::move(kind_text)};
}

absl::StatusOr<std::string> Catalog::NameText(NameId id) {
  Rows rows = name_text_.Query(id);
  if (rows.Next()) return std::string(rows.Text(0));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return absl::DataLossError(fmt::format("there is no name {} in outlive_name", id));
}

absl::Status Catalog::ReadNewLanes() {
  LaneId last = last_lane_;
  Rows rows = new_lanes_.Query(last_lane_);
  while (rows.Next()) {
    const LaneId lane = rows.Int(0);
    names_.emplace(rows.Text(2), rows.Int(1));
    names_.emplace(rows.Text(4), rows.Int(3));
    lanes_.emplace(std::pair(rows.Int(1), rows.Int(3)), lane);
    last = std::max(last, lane);
  }
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  last_lane_ = last;
  return absl::OkStatus();
}

std::optional<LaneId> Catalog::FindLane(NameId queue, NameId kind) const {
  const auto known = lanes_.find(std::pair(queue, kind));
  if (known == lanes_.end()) return std::nullopt;
  return known->second;
}

std::optional<NameId> Catalog::FindName(const std::string& text) const {
  const auto known = names_.find(text);
  if (known == names_.end()) return std::nullopt;
  return known->second;
}

void Catalog::Forget() {
  names_.clear();
  lanes_.clear();
  last_lane_ = 0;
  recent_lane_ = 0;
}

}  // namespace outlive::sqlite
