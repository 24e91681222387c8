#include "store/sqlite/statement.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <utility>

#include "store/sqlite/status.h"

namespace outlive::sqlite {

Rows::Rows(Rows&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), code_(other.code_) {}

Rows::~Rows() {
  if (statement_ != nullptr && statement_->handle_ != nullptr) sqlite3_reset(statement_->handle_);
}

bool Rows::Next() {
  if (code_ != 0) return false;
  if (statement_->code_ != 0) {
    code_ = statement_->code_;
    return false;
  }
  const int code = sqlite3_step(statement_->handle_);
  if (code == SQLITE_ROW) return true;
  code_ = code;
  return false;
}

absl::Status Rows::status() const {
  return code_ == SQLITE_OK || code_ == SQLITE_DONE ? absl::OkStatus() : statement_->Error(code_);
}

bool Rows::IsNull(int column) const {
  return sqlite3_column_type(statement_->handle_, column) == SQLITE_NULL;
}

std::int64_t Rows::Int(int column) const {
  return sqlite3_column_int64(statement_->handle_, column);
}

int Rows::Count(int column) const {
  return static_cast<int>(std::clamp<std::int64_t>(Int(column), 0, INT_MAX - 1));
}

std::int64_t Rows::LargeCount(int column) const {
  return std::clamp<std::int64_t>(Int(column), 0, std::int64_t{1} << 53);
}

double Rows::Real(int column) const { return sqlite3_column_double(statement_->handle_, column); }

absl::Time Rows::Time(int column) const { return absl::FromUnixMicros(Int(column)); }

std::string_view Rows::Text(int column) const {
  // As a blob text comes out as it went in, also where it is not UTF-8.
  const void* bytes = sqlite3_column_blob(statement_->handle_, column);
  const int size = sqlite3_column_bytes(statement_->handle_, column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::optional<std::int64_t> Rows::OptionalInt(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}

std::optional<double> Rows::OptionalReal(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Real(column);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

bool Statement::Prepare() {
  code_ = SQLITE_OK;
  if (handle_ != nullptr) {
    assert(!sqlite3_stmt_busy(handle_));
    return true;
  }
  Note(sqlite3_prepare_v3(database_, sql_.data(), static_cast<int>(sql_.size()),
                          SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
  return code_ == SQLITE_OK;
}

absl::Status Statement::Finish() {
  if (code_ != SQLITE_OK) return Error(code_);
  int code = sqlite3_step(handle_);
  while (code == SQLITE_ROW) code = sqlite3_step(handle_);
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_);
    return absl::OkStatus();
  }
  absl::Status error = Error(code);
  sqlite3_reset(handle_);
  return error;
}

absl::Status Statement::Error(int code) const {
  // The text of a statement is ours and holds no values.
  return ToStatus(database_, code, fmt::format("run \"{}\"", sql_.substr(0, sql_.find('\n'))));
}

std::int64_t Statement::changes() const { return sqlite3_changes64(database_); }

void Statement::Bind(int index, double number) {
  Note(sqlite3_bind_double(handle_, index, number));
}

void Statement::Bind(int index, absl::Time time) { BindInt(index, absl::ToUnixMicros(time)); }

void Statement::Bind(int index, std::string_view text) {
  // A null pointer would bind NULL.
  Note(sqlite3_bind_text64(handle_, index, text.data() == nullptr ? "" : text.data(), text.size(),
                           SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::Bind(int index, Bytes bytes) {
  Note(sqlite3_bind_blob64(handle_, index, bytes.bytes.empty() ? "" : bytes.bytes.data(),
                           bytes.bytes.size(), SQLITE_STATIC));
}

void Statement::Bind(int index, TextOrNull text) {
  if (text.text.empty()) {
    Bind(index, Null{});
  } else {
    Bind(index, text.text);
  }
}

void Statement::Bind(int index, Null) { Note(sqlite3_bind_null(handle_, index)); }

void Statement::BindInt(int index, std::int64_t number) {
  Note(sqlite3_bind_int64(handle_, index, number));
}

}  // namespace outlive::sqlite
