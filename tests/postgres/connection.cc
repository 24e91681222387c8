#include "tests/postgres/connection.h"

#include <doctest/doctest.h>

namespace outlive::testing {
namespace {

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

bool IsOk(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

Connection::Connection(const std::string& conninfo)
    : connection_(PQconnectdb((conninfo + " connect_timeout=30").c_str()), PQfinish) {
  const std::string error = PQerrorMessage(connection_.get());
  REQUIRE_MESSAGE(PQstatus(connection_.get()) == CONNECTION_OK, error);
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

std::string Connection::Query(const std::string& sql, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  const Result result(pointers.empty() ? PQexec(connection_.get(), sql.c_str())
                                       : PQexecParams(connection_.get(), sql.c_str(),
                                                      static_cast<int>(pointers.size()), nullptr,
                                                      pointers.data(), nullptr, nullptr, 0),
                      PQclear);
  const std::string error = PQerrorMessage(connection_.get());
  REQUIRE_MESSAGE(IsOk(result.get()), sql, ": ", error);
  const bool has_value = PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0;
  return has_value ? PQgetvalue(result.get(), 0, 0) : "";
}

std::vector<std::string> Connection::Column(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()), PQclear);
  const std::string error = PQerrorMessage(connection_.get());
  REQUIRE_MESSAGE(IsOk(result.get()), sql, ": ", error);
  std::vector<std::string> values;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    values.emplace_back(PQgetvalue(result.get(), row, 0));
  }
  return values;
}

std::string Connection::Try(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()), PQclear);
  if (IsOk(result.get())) return "";
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  return state != nullptr && *state != '\0' ? state : "lost";
}

}  // namespace outlive::testing
