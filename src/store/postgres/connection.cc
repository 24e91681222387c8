#include "store/postgres/connection.h"

#include <absl/strings/str_cat.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "store/postgres/command_values.h"
#include "store/postgres/status.h"

namespace outlive::postgres {
namespace {

// Between attempts to connect: doubled each time, up to kBackoffMax, of which a random part counts.
constexpr absl::Duration kBackoffFirst = absl::Milliseconds(50);
constexpr absl::Duration kBackoffMax = absl::Seconds(5);

absl::Duration SinceBoot() { return SystemClockInstance().SinceBoot(); }

// False: the time has come, or poll() has failed. A signal of the host's is neither.
bool WaitFor(PGconn* connection, short events, absl::Duration deadline) {
  pollfd descriptor{PQsocket(connection), events, 0};
  for (absl::Duration left = deadline - SinceBoot(); left > absl::ZeroDuration();
       left = deadline - SinceBoot()) {
    const auto milliseconds = absl::ToInt64Milliseconds(std::min(left, absl::Hours(1)));
    const int ready = poll(&descriptor, 1, static_cast<int>(milliseconds) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

bool BeginsTransaction(const Query& query) {
  return query.name == "transaction/begin" || query.name == "transaction/begin_read";
}

}  // namespace

absl::Status Connection::Ensure(absl::Duration timeout) {
  if (usable()) return absl::OkStatus();
  Close();
  const absl::Duration now = SinceBoot();
  if (now < retry_at_) {
    return absl::UnavailableError("PostgreSQL: no connection; the next attempt comes soon");
  }
  absl::Status status = Connect(std::min(timeout, options_.connect_timeout));
  if (status.ok()) {
    failure_count_ = 0;
    return status;
  }
  Close();
  const absl::Duration pause =
      std::min(kBackoffFirst * (std::int64_t{1} << std::min(failure_count_++, 10)), kBackoffMax);
  retry_at_ = SinceBoot() + pause * (0.5 + RandomUnit(*options_.random) / 2);
  return status;
}

// Each host has its share of the time. One that stays silent for so long comes last from then on,
// so that it costs its share only once.
absl::Status Connection::Connect(absl::Duration timeout) {
  const absl::Duration deadline = SinceBoot() + timeout;
  const std::size_t count = options_.hosts.size();
  const std::size_t first = first_host_;
  std::string reasons;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (first + i) % count;
    const absl::Duration now = SinceBoot();
    // Looking up the one before knows no deadline: this one has its turn the next time.
    if (i > 0 && now >= deadline) break;
    const absl::Duration until = now + (deadline - now) / static_cast<std::int64_t>(count - i);
    const absl::Status status = ConnectTo(options_.hosts[at], until);
    if (status.ok()) return ConfigureSession();
    if (SinceBoot() >= until) first_host_ = (at + 1) % count;
    // Not let in at one is not let in at all: libpq says so, too.
    if (!absl::IsUnavailable(status)) return status;
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ", status.message());
  }
  return absl::UnavailableError(reasons);
}

absl::Status Connection::ConnectTo(const Host& host, absl::Duration deadline) {
  // What the conninfo says of the same goes before; what follows it is not its business.
  using Keyword = std::pair<const char*, const char*>;
  const std::array keywords = {
      Keyword("application_name", "outlive"),
      Keyword("keepalives", "1"),
      Keyword("keepalives_idle", "15"),
      Keyword("keepalives_interval", "5"),
      Keyword("keepalives_count", "3"),
      Keyword("tcp_user_timeout", "15000"),
      Keyword("target_session_attrs", "read-write"),
      Keyword("dbname", options_.conninfo.c_str()),
      Keyword("host", host.name.c_str()),  // Counts only where it is not empty; so do others.
      Keyword("hostaddr", host.address.c_str()),
      Keyword("port", host.port.c_str()),
      Keyword("client_encoding", "UTF8"),
  };
  std::array<const char*, keywords.size() + 1> names = {};
  std::array<const char*, keywords.size() + 1> values = {};
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    std::tie(names[i], values[i]) = keywords[i];
  }
  prepared_.clear();
  stale_ = false;
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  if (connection_ == nullptr || PQstatus(handle()) == CONNECTION_BAD) {
    return ConnectStatus(handle(), options_.secret);
  }
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitFor(handle(), events, deadline)) {
      return absl::UnavailableError(
          fmt::format("PostgreSQL: no connection: the server does not answer ({}, port {})",
                      PQhost(handle()), PQport(handle())));
    }
    next = PQconnectPoll(handle());
    if (next == PGRES_POLLING_FAILED) return ConnectStatus(handle(), options_.secret);
  }
  PQsetNoticeProcessor(handle(), [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(handle(), 1) != 0 || PQenterPipelineMode(handle()) != 1) {
    return LostStatus("connect");
  }
  return absl::OkStatus();
}

absl::Status Connection::ConfigureSession() {
  if (options_.pooled || options_.settings.empty()) return absl::OkStatus();
  return RunOne(Configure(options_.settings, SettingsLast::kSession)).status();
}

absl::StatusOr<std::vector<Rows>> Connection::Run(absl::Span<const Query> queries) {
  if (connection_ == nullptr) return LostStatus(queries.front().name);
  const absl::Duration deadline = SinceBoot() + options_.reply_timeout;
  refused_ = false;
  std::vector<Sent> sent;
  OUTLIVE_RETURN_IF_ERROR(Send(queries, sent));
  return Receive(sent, deadline);
}

absl::Status Connection::Send(absl::Span<const Query> queries, std::vector<Sent>& sent) {
  // Where no transaction is open these are one: their first statement begins it, or, if that is no
  // BEGIN, they are all of it.
  const bool configures = options_.pooled && !options_.settings.empty() &&
                          PQtransactionStatus(handle()) == PQTRANS_IDLE;
  absl::Status status;
  if (configures && !BeginsTransaction(queries.front())) {
    status = SendSetting(Configure(options_.settings, SettingsLast::kTransaction), sent);
  }
  for (const Query& query : queries) {
    if (status.ok()) status = SendOne(query, sent);
    if (status.ok() && configures && BeginsTransaction(query)) status = SendSettings(sent);
  }
  if (!status.ok()) {
    Close();  // Half of a pipeline is on its way.
    return status;
  }
  return PQpipelineSync(handle()) == 1 ? absl::OkStatus() : Lost(queries.front().name);
}

// Of the transaction that has just begun. A SELECT would fix what it sees from then on, before the
// locks are there that readers take first.
absl::Status Connection::SendSettings(std::vector<Sent>& sent) {
  for (const auto& [name, value] : options_.settings) {
    OUTLIVE_RETURN_IF_ERROR(SendSetting(SetLocal(name, value), sent));
  }
  return absl::OkStatus();
}

absl::Status Connection::SendSetting(const Query& query, std::vector<Sent>& sent) {
  OUTLIVE_RETURN_IF_ERROR(SendOne(query, sent));
  sent.back().purpose = Purpose::kConfigure;
  return absl::OkStatus();
}

absl::Status Connection::SendOne(const Query& query, std::vector<Sent>& sent) {
  const std::string* const text = book_.Find(query.name);
  if (text == nullptr) return absl::InternalError(fmt::format("no statement {}", query.name));
  const CommandValues values(query.params);
  const std::string name(query.name);
  int ok = 1;
  if (options_.pooled || !query.more.empty()) {
    ok = PQsendQueryParams(handle(), (*text + book_.InSchema(query.more)).c_str(), values.count(),
                           nullptr, values.values.data(), values.lengths.data(),
                           values.formats.data(), kBinaryFormat);
    sent.push_back({query.name, Purpose::kAnswer});
    return ok == 1 ? absl::OkStatus() : LostStatus(query.name);
  }
  const auto is_on_its_way = [&query](const Sent& each) {
    return each.purpose == Purpose::kPrepare && each.name == query.name;
  };
  if (!prepared_.contains(query.name) && std::none_of(sent.begin(), sent.end(), is_on_its_way)) {
    ok = PQsendPrepare(handle(), name.c_str(), text->c_str(), 0, nullptr);
    sent.push_back({query.name, Purpose::kPrepare});
  }
  if (ok == 1) {
    ok = PQsendQueryPrepared(handle(), name.c_str(), values.count(), values.values.data(),
                             values.lengths.data(), values.formats.data(), kBinaryFormat);
    sent.push_back({query.name, Purpose::kAnswer});
  }
  return ok == 1 ? absl::OkStatus() : LostStatus(query.name);
}

absl::StatusOr<std::vector<Rows>> Connection::Receive(absl::Span<const Sent> sent,
                                                      absl::Duration deadline) {
  std::vector<Rows> rows;
  absl::Status status;
  std::size_t at = 0;
  bool separator = false;  // One comes after the results of each command.
  while (true) {
    const std::string_view doing = sent[std::min(at, sent.size() - 1)].name;
    absl::StatusOr<ResultPtr> result = NextResult(deadline, doing);
    if (!result.ok()) return refused_ ? status : result.status();
    if (*result == nullptr) {
      if (std::exchange(separator, true)) return Lost(doing);
      continue;
    }
    separator = false;
    const ExecStatusType kind = PQresultStatus(result->get());
    if (kind == PGRES_PIPELINE_SYNC) break;
    if (at == sent.size()) return Lost(doing);
    if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK) {
      if (sent[at].purpose == Purpose::kPrepare) prepared_.insert(sent[at].name);
      if (sent[at].purpose == Purpose::kAnswer) rows.emplace_back(*std::move(result));
    } else if (kind != PGRES_PIPELINE_ABORTED) {
      status.Update(StatusOf(result->get(), doing));
      const char* const state = PQresultErrorField(result->get(), PG_DIAG_SQLSTATE);
      if (state == nullptr) return Lost(doing);
      stale_ = stale_ || IsStalePlan(state);
      refused_ = refused_ || at + 1 < sent.size();
    }
    ++at;
  }
  if (PQstatus(handle()) == CONNECTION_BAD) Close();
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<ResultPtr> Connection::NextResult(absl::Duration deadline, std::string_view doing) {
  while (PQisBusy(handle()) != 0) OUTLIVE_RETURN_IF_ERROR(Await(deadline, doing));
  return ResultPtr(PQgetResult(handle()));
}

absl::Status Connection::Await(absl::Duration deadline, std::string_view doing) {
  const int unsent = PQflush(handle());
  if (unsent < 0) return Lost(doing);
  const auto events = static_cast<short>(unsent == 1 ? POLLIN | POLLOUT : POLLIN);
  if (!WaitFor(handle(), events, deadline)) {
    // The server may be anywhere in it: nothing can be asked on this connection any more.
    Close();
    return absl::UnavailableError(fmt::format("PostgreSQL: no answer in time ({})", doing));
  }
  return PQconsumeInput(handle()) == 1 ? absl::OkStatus() : Lost(doing);
}

void Connection::CloseIfLost() {
  if (connection_ == nullptr) return;
  // What the server has said last comes before the end of the connection.
  for (int i = 0; i < 2 && connection_ != nullptr; ++i) {
    if (PQconsumeInput(handle()) != 1) Close();
  }
}

absl::Status Connection::Lost(std::string_view doing) {
  Close();
  return LostStatus(doing);
}

absl::Status Connection::RunScript(const std::string& script, std::string_view doing) {
  if (connection_ == nullptr || PQexitPipelineMode(handle()) != 1 ||
      PQsendQuery(handle(), script.c_str()) != 1) {
    return Lost(doing);
  }
  const absl::Duration deadline = SinceBoot() + options_.reply_timeout;
  absl::Status status;
  while (true) {
    const absl::StatusOr<ResultPtr> result = NextResult(deadline, doing);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    if (*result == nullptr) break;
    const ExecStatusType kind = PQresultStatus(result->get());
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
      status.Update(StatusOf(result->get(), doing));
    }
  }
  if (PQenterPipelineMode(handle()) != 1) return Lost(doing);
  return status;
}

void Connection::Rollback() {
  if (connection_ == nullptr) return;
  if (PQtransactionStatus(handle()) == PQTRANS_IDLE) return;
  if (!RunOne({.name = "transaction/rollback"}).ok()) Close();
}

}  // namespace outlive::postgres
