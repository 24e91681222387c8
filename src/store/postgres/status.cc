#include "store/postgres/status.h"

#include <absl/strings/match.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "outlive/core/log.h"
#include "outlive/core/store_copy.h"
#include "outlive/core/store_rules.h"

namespace outlive::postgres {
namespace {

struct StateClass {
  std::string_view prefix;
  absl::StatusCode code;
};

// The first that fits. Appendix A of PostgreSQL's manual has the states.
constexpr std::array kClasses = {
    StateClass{"08", absl::StatusCode::kUnavailable},         // Connection exceptions.
    StateClass{"0A000", absl::StatusCode::kUnavailable},      // See IsStalePlan().
    StateClass{"23", absl::StatusCode::kUnavailable},         // Lost a race for a unique name.
    StateClass{"25006", absl::StatusCode::kUnavailable},      // Read-only: a failover.
    StateClass{"25P03", absl::StatusCode::kUnavailable},      // Idle in transaction for too long.
    StateClass{"26000", absl::StatusCode::kUnavailable},      // See IsStalePlan().
    StateClass{"28", absl::StatusCode::kFailedPrecondition},  // Not let in.
    StateClass{"3D", absl::StatusCode::kFailedPrecondition},  // No such database.
    StateClass{"3F", absl::StatusCode::kFailedPrecondition},  // No such schema.
    StateClass{"40", absl::StatusCode::kUnavailable},         // Serialization, deadlock.
    StateClass{"42", absl::StatusCode::kFailedPrecondition},  // No such table, no right to it.
    StateClass{"53", absl::StatusCode::kUnavailable},         // Too many connections, disk full.
    StateClass{"55", absl::StatusCode::kUnavailable},         // Lock not available.
    StateClass{"57014", absl::StatusCode::kDeadlineExceeded},
    StateClass{"57", absl::StatusCode::kUnavailable},  // Shutdown, starting up.
    StateClass{"58", absl::StatusCode::kUnavailable},  // I/O errors.
    StateClass{"XX001", absl::StatusCode::kDataLoss},
    StateClass{"XX002", absl::StatusCode::kDataLoss},
};

// A move has closed the store: see sql/transaction.sql.
constexpr std::string_view kFrozenState = "OL001";
constexpr std::string_view kFillingState = "OL002";

}  // namespace

absl::StatusCode CodeOfState(std::string_view sql_state) {
  const auto* const found =
      std::find_if(kClasses.begin(), kClasses.end(), [sql_state](const StateClass& each) {
        return sql_state.substr(0, each.prefix.size()) == each.prefix;
      });
  return found == kClasses.end() ? absl::StatusCode::kInternal : found->code;
}

bool IsConflictState(std::string_view sql_state) {
  return sql_state == "40001" || sql_state == "40P01" || sql_state.substr(0, 2) == "23";
}

bool IsStalePlan(std::string_view sql_state) {
  return sql_state == "26000" || sql_state == "0A000";
}

absl::Status StatusOf(const PGresult* result, std::string_view doing) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) return LostStatus(doing);
  // Of the statement transaction/now.
  if (state == kFrozenState) return StoreIsOpen(/*frozen=*/true, /*filling=*/false);
  if (state == kFillingState) return StoreIsOpen(/*frozen=*/false, /*filling=*/true);
  const std::string text = fmt::format("PostgreSQL: {} ({}, {})",
                                       message == nullptr ? "no message" : message, state, doing);
  return IsConflictState(state) ? ConflictError(text) : absl::Status(CodeOfState(state), text);
}

absl::Status ConnectStatus(PGconn* connection, std::string_view secret) {
  std::string text = connection == nullptr ? "out of memory" : PQerrorMessage(connection);
  if (!secret.empty()) {
    text = absl::StrReplaceAll(text, {{absl::string_view(secret.data(), secret.size()), "***"}});
  }
  text = EscapeForLog(text);
  // There is no state yet where the server refuses a connection.
  const bool for_a_person = absl::StrContains(text, "authentication failed") ||
                            absl::StrContains(text, "no pg_hba.conf entry") ||
                            absl::StrContains(text, "does not exist");
  return absl::Status(
      for_a_person ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kUnavailable,
      fmt::format("PostgreSQL: no connection: {}", text));
}

absl::Status LostStatus(std::string_view doing) {
  return absl::UnavailableError(fmt::format("PostgreSQL: the connection was lost ({})", doing));
}

}  // namespace outlive::postgres
