#include "outlive/testing/history.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"

namespace outlive::testing {
namespace {

constexpr std::array kOps = {
    std::pair(HistoryOp::kEnqueue, std::string_view("enqueue")),
    std::pair(HistoryOp::kCancel, std::string_view("cancel")),
    std::pair(HistoryOp::kRequeue, std::string_view("requeue")),
    std::pair(HistoryOp::kDiscard, std::string_view("discard")),
    std::pair(HistoryOp::kOpenSession, std::string_view("open_session")),
    std::pair(HistoryOp::kRenewSession, std::string_view("renew_session")),
    std::pair(HistoryOp::kCloseSession, std::string_view("close_session")),
    std::pair(HistoryOp::kClaim, std::string_view("claim")),
    std::pair(HistoryOp::kFinish, std::string_view("finish")),
    std::pair(HistoryOp::kProgress, std::string_view("progress")),
    std::pair(HistoryOp::kCheckpoint, std::string_view("checkpoint")),
    std::pair(HistoryOp::kPublish, std::string_view("publish")),
    std::pair(HistoryOp::kStart, std::string_view("start")),
    std::pair(HistoryOp::kEffect, std::string_view("effect")),
    std::pair(HistoryOp::kReturn, std::string_view("return")),
};

constexpr std::array kPhases = {
    std::pair(HistoryPhase::kInvoke, std::string_view("invoke")),
    std::pair(HistoryPhase::kOk, std::string_view("ok")),
    std::pair(HistoryPhase::kFail, std::string_view("fail")),
    std::pair(HistoryPhase::kUnknown, std::string_view("unknown")),
};

template <class Names, class Value>
std::string_view NameOf(const Names& names, Value value) {
  for (const auto& [each, name] : names) {
    if (each == value) return name;
  }
  return "?";
}

// The one list of what a record has: files, both ways, go through it. `defaults` tells the writer
// what to leave out.
template <class Record, class Visitor>
void VisitFields(Record& record, const HistoryRecord& defaults, Visitor& visit) {
  visit("process", record.process, defaults.process);
  visit("call", record.call, defaults.call);
  visit("moment", record.moment, defaults.moment);
  visit("at", record.at, defaults.at);
  visit("job", record.job, defaults.job);
  visit("fence", record.fence, defaults.fence);
  visit("attempt", record.attempt, defaults.attempt);
  visit("session", record.session, defaults.session);
  visit("lease", record.lease, defaults.lease);
  visit("kind", record.kind, defaults.kind);
  visit("args", record.args, defaults.args);
  visit("key", record.key, defaults.key);
  visit("window", record.window, defaults.window);
  visit("run_at", record.run_at, defaults.run_at);
  visit("attempt_count_max", record.attempt_count_max, defaults.attempt_count_max);
  visit("joined", record.joined, defaults.joined);
  visit("duplicate", record.duplicate, defaults.duplicate);
  visit("transition", record.transition, defaults.transition);
  visit("delay", record.delay, defaults.delay);
  visit("state", record.state, defaults.state);
  visit("value", record.value, defaults.value);
  visit("code", record.code, defaults.code);
}

// Puts fields into a JSON object.
class FieldWriter {
 public:
  explicit FieldWriter(boost::json::object& object) : object_(object) {}

  template <class Field>
  void operator()(const char* name, const Field& field, const Field& standard) {
    if (field != standard) object_[name] = ToJson(field);
  }

 private:
  static boost::json::value ToJson(const std::string& text) { return boost::json::string(text); }
  static boost::json::value ToJson(std::int64_t number) { return number; }
  static boost::json::value ToJson(int number) { return number; }
  static boost::json::value ToJson(bool yes) { return yes; }
  static boost::json::value ToJson(absl::Duration span) { return absl::ToInt64Microseconds(span); }
  static boost::json::value ToJson(absl::Time time) { return absl::ToUnixMicros(time); }
  static boost::json::value ToJson(absl::StatusCode code) { return static_cast<int>(code); }
  static boost::json::value ToJson(const std::optional<Transition>& transition) {
    return Text(TransitionName(*transition));  // It is not the default, which is none.
  }
  static boost::json::value ToJson(const std::optional<JobState>& state) {
    return Text(JobStateName(*state));
  }
  static boost::json::string Text(std::string_view text) {
    return boost::json::string(text.data(), text.size());
  }

  boost::json::object& object_;
};

// Takes fields out of a JSON object.
class FieldReader {
 public:
  explicit FieldReader(const boost::json::object& object) : object_(object) {}

  template <class Field>
  void operator()(const char* name, Field& field, const Field& standard) {
    field = standard;
    const boost::json::value* const value = object_.if_contains(name);
    if (value == nullptr) return;
    ++known_;
    if (!FromJson(*value, field)) wrong_ = true;
  }

  // Every field was as the writer makes it, and nothing else was there but `others`.
  bool ok(std::size_t others) const { return !wrong_ && known_ + others == object_.size(); }

 private:
  static bool FromJson(const boost::json::value& value, std::string& text) {
    if (!value.is_string()) return false;
    text.assign(value.get_string().data(), value.get_string().size());
    return true;
  }
  static bool FromJson(const boost::json::value& value, std::int64_t& number) {
    if (!value.is_int64()) return false;
    number = value.get_int64();
    return true;
  }
  static bool FromJson(const boost::json::value& value, bool& yes) {
    if (!value.is_bool()) return false;
    yes = value.get_bool();
    return true;
  }
  static bool FromJson(const boost::json::value& value, int& number) {
    std::int64_t wide = 0;
    if (!FromJson(value, wide)) return false;
    number = static_cast<int>(wide);
    return number == wide;
  }
  static bool FromJson(const boost::json::value& value, absl::Duration& span) {
    std::int64_t micros = 0;
    if (!FromJson(value, micros)) return false;
    span = absl::Microseconds(micros);
    return true;
  }
  static bool FromJson(const boost::json::value& value, absl::Time& time) {
    std::int64_t micros = 0;
    if (!FromJson(value, micros)) return false;
    time = absl::FromUnixMicros(micros);
    return true;
  }
  static bool FromJson(const boost::json::value& value, absl::StatusCode& code) {
    int number = 0;
    if (!FromJson(value, number)) return false;
    code = static_cast<absl::StatusCode>(number);
    return number > 0 && number <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  }
  static bool FromJson(const boost::json::value& value, std::optional<Transition>& transition) {
    std::string name;
    if (!FromJson(value, name)) return false;
    for (int i = 0; i < kTransitionCount && !transition; ++i) {
      if (TransitionName(static_cast<Transition>(i)) == name) {
        transition = static_cast<Transition>(i);
      }
    }
    return transition.has_value();
  }
  static bool FromJson(const boost::json::value& value, std::optional<JobState>& state) {
    std::string name;
    if (!FromJson(value, name)) return false;
    state = JobStateFromName(name);
    return state.has_value();
  }

  const boost::json::object& object_;
  std::size_t known_ = 0;
  bool wrong_ = false;
};

// False where `name` is the name of none.
template <class Names, class Value>
bool FindName(const Names& names, const boost::json::value* name, Value& value) {
  if (name == nullptr || !name->is_string()) return false;
  const boost::json::string& text = name->get_string();
  for (const auto& [each, known] : names) {
    if (known != std::string_view(text.data(), text.size())) continue;
    value = each;
    return true;
  }
  return false;
}

}  // namespace

std::string_view HistoryOpName(HistoryOp op) { return NameOf(kOps, op); }
std::string_view HistoryPhaseName(HistoryPhase phase) { return NameOf(kPhases, phase); }

HistoryPhase PhaseOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return HistoryPhase::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnimplemented:
      return HistoryPhase::kFail;
    default:
      return HistoryPhase::kUnknown;
  }
}

std::string EncodeHistoryRecord(const HistoryRecord& record) {
  static const HistoryRecord defaults;
  boost::json::object object;
  const std::string_view op = HistoryOpName(record.op);
  const std::string_view phase = HistoryPhaseName(record.phase);
  object["op"] = boost::json::string(op.data(), op.size());
  object["phase"] = boost::json::string(phase.data(), phase.size());
  FieldWriter writer(object);
  VisitFields(record, defaults, writer);
  return boost::json::serialize(object);
}

absl::StatusOr<HistoryRecord> DecodeHistoryRecord(std::string_view line) {
  static const HistoryRecord defaults;
  boost::json::error_code error;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(line.data(), line.size()), error);
  HistoryRecord record;
  if (!error && value.is_object()) {
    const boost::json::object& object = value.get_object();
    FieldReader reader(object);
    VisitFields(record, defaults, reader);
    if (FindName(kOps, object.if_contains("op"), record.op) &&
        FindName(kPhases, object.if_contains("phase"), record.phase) && reader.ok(2)) {
      return record;
    }
  }
  return absl::InvalidArgumentError(
      fmt::format("this is no record of a history: {}", EscapeForLog(line.substr(0, 200))));
}

absl::StatusOr<std::vector<HistoryRecord>> DecodeHistory(std::string_view text) {
  std::vector<HistoryRecord> records;
  while (true) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return records;
    absl::StatusOr<HistoryRecord> record = DecodeHistoryRecord(text.substr(0, end));
    if (!record.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: {}", records.size() + 1, record.status().ToString()));
    }
    records.push_back(*std::move(record));
    text.remove_prefix(end + 1);
  }
}

void MemoryHistory::Append(HistoryRecord record) {
  MutexLock lock(mutex_);
  record.moment = static_cast<std::int64_t>(records_.size()) + 1;
  records_.push_back(std::move(record));
}

std::vector<HistoryRecord> MemoryHistory::records() const {
  MutexLock lock(mutex_);
  return records_;
}

HistoryRecord Recorder::Begin(HistoryRecord operation) {
  operation.process = process_;
  operation.call = ++calls_;
  operation.phase = HistoryPhase::kInvoke;
  if (operation.at == absl::UnixEpoch()) operation.at = ToStoreTime(clock_.Now());
  sink_.Append(operation);
  return operation;
}

void Recorder::End(HistoryRecord operation, HistoryPhase phase, absl::StatusCode code) {
  operation.phase = phase;
  operation.at = ToStoreTime(clock_.Now());
  operation.code = code;
  sink_.Append(std::move(operation));
}

void Recorder::Note(HistoryRecord operation) {
  operation.process = process_;
  operation.call = ++calls_;
  End(std::move(operation), HistoryPhase::kOk);
}

}  // namespace outlive::testing
