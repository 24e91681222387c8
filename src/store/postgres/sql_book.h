// SqlBook holds the statements of the *.sql files under the names "file/statement", with the name
// of the store's schema in the place of "outlive.".
//
// A line "-- @name" opens a statement; other comments may stand anywhere between.
//
// Thread-safety: constant after construction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_SQL_BOOK_H_
#define OUTLIVE_SRC_STORE_POSTGRES_SQL_BOOK_H_

#include <absl/container/flat_hash_map.h>

#include <string>
#include <string_view>

namespace outlive::postgres {

// "outlive." in `text` becomes the quoted `schema` and a dot. A schema is [a-z_][a-z0-9_]*.
std::string InSchema(std::string_view text, std::string_view schema);

class SqlBook {
 public:
  explicit SqlBook(std::string_view schema);

  // Null: there is none of this name.
  const std::string* Find(std::string_view name) const;

  std::string InSchema(std::string_view text) const { return postgres::InSchema(text, schema_); }

 private:
  void AddFile(std::string_view file, std::string_view text);

  const std::string schema_;
  absl::flat_hash_map<std::string, std::string> statements_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_SQL_BOOK_H_
