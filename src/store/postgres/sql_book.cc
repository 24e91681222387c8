#include "store/postgres/sql_book.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <utility>

#include "store/postgres_sql.h"

namespace outlive::postgres {

std::string InSchema(std::string_view text, std::string_view schema) {
  constexpr std::string_view kStandIn = "outlive.";
  const std::string quoted = fmt::format("\"{}\".", schema);
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(kStandIn, at);
    result.append(text.substr(at, next - at));
    if (next == std::string_view::npos) return result;
    result.append(quoted);
    at = next + kStandIn.size();
  }
}

SqlBook::SqlBook(std::string_view schema) : schema_(schema) {
  constexpr std::array kFiles = {std::pair("transaction", kTransactionSql),
                                 std::pair("insert", kInsertSql),
                                 std::pair("claim", kClaimSql),
                                 std::pair("copy", kCopySql),
                                 std::pair("job_rows", kJobRowsSql),
                                 std::pair("maintenance", kMaintenanceSql),
                                 std::pair("partitions", kPartitionsSql),
                                 std::pair("read", kReadSql),
                                 std::pair("schema", kSchemaSql)};
  for (const auto& [file, text] : kFiles) AddFile(file, text);
}

void SqlBook::AddFile(std::string_view file, std::string_view text) {
  constexpr std::string_view kMark = "-- @";
  std::size_t at = text.find(kMark);
  while (at != std::string_view::npos) {
    const std::size_t line = text.find('\n', at);
    const std::string_view name = text.substr(at + kMark.size(), line - at - kMark.size());
    const std::size_t end = text.find("\n--", line);
    statements_.emplace(fmt::format("{}/{}", file, name),
                        InSchema(text.substr(line + 1, end - line - 1)));
    at = text.find(kMark, line);
  }
}

const std::string* SqlBook::Find(std::string_view name) const {
  const auto found = statements_.find(std::string(name));
  return found == statements_.end() ? nullptr : &found->second;
}

}  // namespace outlive::postgres
