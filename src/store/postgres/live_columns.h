// Rows of outlive.live and outlive.ended as arrays, one for each column: how many rows travel in
// one statement.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_LIVE_COLUMNS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_LIVE_COLUMNS_H_

#include <string_view>
#include <utility>
#include <vector>

#include "store/postgres/job_row.h"
#include "store/postgres/session.h"

namespace outlive::postgres {

// What both have, in the order of the statements' parameters.
class LiveColumns {
 public:
  explicit LiveColumns(std::string_view name) : name_(name) {}

  void Add(const JobRow& row) {
    std::size_t column = 0;
    for (const std::int64_t value :
         {row.job, std::int64_t{row.lane}, static_cast<std::int64_t>(row.state),
          std::int64_t{row.priority}, row.run_at, std::int64_t{row.attempt},
          std::int64_t{row.crashes}, std::int64_t{row.generation}, row.fence,
          std::int64_t{row.flags}}) {
      numbers_[column++].AddInt(value);
    }
    transition_.AddIntOrNull(row.transition);
    started_at_.AddIntOrNull(row.started_at);
    row.progress ? progress_.AddReal(*row.progress) : progress_.AddNull();
    note_.AddBytesOrNull(row.note);
  }

  bool empty() const { return note_.size() == 0; }

  Query Take() && {
    Query query{.name = name_};
    for (Array& column : numbers_) query.params.Add(std::move(column));
    query.params.Add(std::move(transition_)).Add(std::move(started_at_));
    query.params.Add(std::move(progress_)).Add(std::move(note_));
    return query;
  }

 private:
  std::string_view name_;
  std::vector<Array> numbers_ = std::vector<Array>(10, Array(Element::kBigint));
  Array transition_{Element::kBigint};
  Array started_at_{Element::kBigint};
  Array progress_{Element::kReal};
  Array note_{Element::kText};
};

class EndedColumns {
 public:
  explicit EndedColumns(std::string_view name) : common_(name) {}

  void Add(const JobRow& row) {
    common_.Add(row);
    ended_at_.AddIntOrNull(row.ended_at);
    error_group_.AddBytesOrNull(row.error_group);
  }

  bool empty() const { return common_.empty(); }

  Query Take() && {
    Query query = std::move(common_).Take();
    query.params.Add(std::move(ended_at_)).Add(std::move(error_group_));
    return query;
  }

 private:
  LiveColumns common_;
  Array ended_at_{Element::kBigint};
  Array error_group_{Element::kText};
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_LIVE_COLUMNS_H_
