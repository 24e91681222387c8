// Finds one statement in an embedded *.sql file, when the library is compiled. Such a file holds
// many statements; a line "-- @name" opens each, and other comments may stand anywhere between.
#ifndef OUTLIVE_SRC_STORE_SQLITE_SQL_TEXT_H_
#define OUTLIVE_SRC_STORE_SQLITE_SQL_TEXT_H_

#include <cstddef>
#include <string_view>

namespace outlive::sqlite {

// The statement `name` of `file`. A name that is not there does not compile.
consteval std::string_view SqlText(std::string_view file, std::string_view name) {
  constexpr std::string_view kMark = "-- @";
  for (std::size_t at = file.find(kMark); at != std::string_view::npos;
       at = file.find(kMark, at + 1)) {
    const std::size_t line = file.find('\n', at);
    if (file.substr(at + kMark.size(), line - at - kMark.size()) != name) continue;
    const std::size_t next = file.find("\n--", line);
    const std::size_t end = next == std::string_view::npos ? file.size() : next;
    return file.substr(line + 1, end - line - 1);
  }
  throw "no statement of this name in the file";
}

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_SQL_TEXT_H_
