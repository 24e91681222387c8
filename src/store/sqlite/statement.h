// Statement is one prepared statement, compiled at its first use and kept for the life of its
// connection.
//
//   Rows rows = next_.Query(lane, priority);
//   while (rows.Next()) Use(rows.Int(0));
//   return rows.status();
//
// Thread-safety: none; for the thread that uses the connection now.
// Lifetime:      the connection outlives it. Text and bytes that are bound must live until Run()
//                returns, or as long as the Rows.
#ifndef OUTLIVE_SRC_STORE_SQLITE_STATEMENT_H_
#define OUTLIVE_SRC_STORE_SQLITE_STATEMENT_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace outlive::sqlite {

// Values to bind, beside numbers, text and optionals of them.
struct Bytes {
  std::string_view bytes;
};
struct Null {};
struct TextOrNull {  // Empty: NULL.
  std::string_view text;
};

class Statement;

// What a query gives. Ends the query when destroyed; until then the statement is in use.
class [[nodiscard]] Rows {
 public:
  explicit Rows(Statement* statement) : statement_(statement) {}
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Goes to the next row. False: there is none, or status() is not OK.
  bool Next();
  absl::Status status() const;

  // Goes to the end: a statement that writes and gives rows has to be run out.
  absl::Status Drain() {
    while (Next()) {
    }
    return status();
  }

  // Columns of the row, from 0.
  bool IsNull(int column) const;
  std::int64_t Int(int column) const;

  // Counts, also where somebody has put another number: from 0 to INT_MAX - 1, and to 2^53.
  int Count(int column) const;
  std::int64_t LargeCount(int column) const;

  double Real(int column) const;
  absl::Time Time(int column) const;
  std::string_view Text(int column) const;  // Valid until Next(). NULL: empty. Blobs too.
  std::optional<std::int64_t> OptionalInt(int column) const;
  std::optional<double> OptionalReal(int column) const;

 private:
  Statement* statement_;  // Null: moved from.
  int code_ = 0;
};

class Statement {
 public:
  // `sql` is a constant.
  Statement(sqlite3* database, std::string_view sql) : database_(database), sql_(sql) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Runs a statement that gives no rows.
  template <class... Values>
  absl::Status Run(const Values&... values) {
    BindAll(values...);
    return Finish();
  }

  // Begins a query.
  template <class... Values>
  Rows Query(const Values&... values) {
    BindAll(values...);
    return Rows(this);
  }

  // How many rows the last Run() has changed.
  std::int64_t changes() const;

 private:
  friend class Rows;

  template <class... Values>
  void BindAll(const Values&... values) {
    if (Prepare()) {
      int index = 0;
      (Bind(++index, values), ...);
    }
  }

  bool Prepare();
  absl::Status Finish();
  absl::Status Error(int code) const;

  template <std::integral Number>
  void Bind(int index, Number number) {
    BindInt(index, static_cast<std::int64_t>(number));
  }
  template <class Value>
  void Bind(int index, const std::optional<Value>& value) {
    if (value) {
      Bind(index, *value);
    } else {
      Bind(index, Null{});
    }
  }
  void Bind(int index, double number);
  void Bind(int index, absl::Time time);
  void Bind(int index, std::string_view text);
  void Bind(int index, const std::string& text) { Bind(index, std::string_view(text)); }
  void Bind(int index, Bytes bytes);
  void Bind(int index, TextOrNull text);
  void Bind(int index, Null);
  void BindInt(int index, std::int64_t number);
  void Note(int code) {
    if (code != 0) code_ = code;
  }

  sqlite3* const database_;
  const std::string_view sql_;
  sqlite3_stmt* handle_ = nullptr;
  int code_ = 0;  // Of preparing and binding.
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_STATEMENT_H_
