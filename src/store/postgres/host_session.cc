#include "store/postgres/host_session.h"

#include <fmt/format.h>

#include "store/postgres/command_values.h"
#include "store/postgres/status.h"

namespace outlive::postgres {

absl::StatusOr<std::vector<Rows>> HostSession::Run(absl::Span<const Query> queries) {
  std::vector<Rows> rows;
  for (const Query& query : queries) {
    const std::string* const text = book_.Find(query.name);
    if (text == nullptr) return absl::InternalError(fmt::format("no statement {}", query.name));
    const CommandValues values(query.params);
    ResultPtr result(PQexecParams(host_, (*text + book_.InSchema(query.more)).c_str(),
                                  values.count(), nullptr, values.values.data(),
                                  values.lengths.data(), values.formats.data(), kBinaryFormat));
    const ExecStatusType kind = PQresultStatus(result.get());
    if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK) {
      return StatusOf(result.get(), query.name);
    }
    rows.emplace_back(std::move(result));
  }
  return rows;
}

}  // namespace outlive::postgres
