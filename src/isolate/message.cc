#include "isolate/message.h"

#include <bit>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace outlive::isolate {
namespace {

constexpr std::int64_t kInfinite = std::numeric_limits<std::int64_t>::max();

template <class Struct>
using Members = boost::describe::describe_members<Struct, boost::describe::mod_public>;

// -- Writing ------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& bytes) : bytes_(bytes) {}

  void Put(bool value) { bytes_.push_back(value ? '\1' : '\0'); }

  void Put(std::uint64_t value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
    }
  }

  void Put(std::int64_t value) { Put(static_cast<std::uint64_t>(value)); }
  void Put(double value) { Put(std::bit_cast<std::uint64_t>(value)); }

  void Put(std::string_view text) {
    Put(static_cast<std::uint64_t>(text.size()));
    bytes_.append(text);
  }

  void Put(const std::string& text) { Put(std::string_view(text)); }

  void Put(absl::Duration duration) {
    Put(duration == absl::InfiniteDuration() ? kInfinite : absl::ToInt64Nanoseconds(duration));
  }

  void Put(absl::Time time) {
    Put(time == absl::InfiniteFuture() ? kInfinite : absl::ToUnixNanos(time));
  }

  void Put(StopReason reason) { Put(static_cast<std::int64_t>(reason)); }

  void Put(const absl::Status& status) {
    Put(static_cast<std::int64_t>(status.code()));
    Put(std::string_view(status.message().data(), status.message().size()));
  }

  void Put(const Artifact& artifact) {
    Put(artifact.id);
    Put(artifact.name);
    Put(artifact.media_type);
    Put(artifact.size);
    Put(artifact.sha256);
    Put(artifact.created_at);
  }

  void Put(const Outcome& outcome) {
    Put(static_cast<std::int64_t>(outcome.kind()));
    Put(outcome.output());
    Put(outcome.status());
    Put(outcome.after().has_value());
    Put(outcome.after().value_or(absl::ZeroDuration()));
  }

  template <class Struct>
  void PutMembers(const Struct& message) {
    boost::mp11::mp_for_each<Members<Struct>>([&](auto member) { Put(message.*member.pointer); });
  }

 private:
  std::string& bytes_;
};

// -- Reading ------------------------------------------------------------------------------------

// After the first thing that is not there everything is empty, and done() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  // Everything was there, and nothing is left.
  bool done() const { return good_ && bytes_.empty(); }

  void Take(bool& value) {
    const std::string_view byte = Bytes(1);
    value = byte == std::string_view("\1");
    good_ = good_ && (value || byte == std::string_view("\0", 1));
  }

  void Take(std::uint64_t& value) {
    const std::string_view bytes = Bytes(sizeof value);
    value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
  }

  void Take(std::int64_t& value) { value = static_cast<std::int64_t>(Taken<std::uint64_t>()); }
  void Take(double& value) { value = std::bit_cast<double>(Taken<std::uint64_t>()); }

  void Take(std::string& text) {
    const auto size = Taken<std::uint64_t>();
    text = Bytes(size);
  }

  void Take(absl::Duration& duration) {
    const auto nanos = Taken<std::int64_t>();
    duration = nanos == kInfinite ? absl::InfiniteDuration() : absl::Nanoseconds(nanos);
  }

  void Take(absl::Time& time) {
    const auto nanos = Taken<std::int64_t>();
    time = nanos == kInfinite ? absl::InfiniteFuture() : absl::FromUnixNanos(nanos);
  }

  void Take(StopReason& reason) { reason = Choice(StopReason::kNone, StopReason::kShutdown); }

  void Take(absl::Status& status) {
    const auto code = Choice(absl::StatusCode::kOk, absl::StatusCode::kUnauthenticated);
    status = absl::Status(code, Taken<std::string>());
  }

  void Take(Artifact& artifact) {
    Take(artifact.id);
    Take(artifact.name);
    Take(artifact.media_type);
    Take(artifact.size);
    Take(artifact.sha256);
    Take(artifact.created_at);
  }

  void Take(Outcome& outcome) {
    const auto kind = Choice(Outcome::Kind::kDone, Outcome::Kind::kCrashed);
    auto output = Taken<std::string>();
    auto status = Taken<absl::Status>();
    const bool has_after = Taken<bool>();
    const auto after = Taken<absl::Duration>();
    const std::string_view reason(status.message().data(), status.message().size());
    switch (kind) {
      case Outcome::Kind::kDone:
        outcome = Done(std::move(output));
        break;
      case Outcome::Kind::kRetry:
        outcome = Retry(std::move(status), has_after ? std::optional(after) : std::nullopt);
        break;
      case Outcome::Kind::kSnooze:
        outcome = Snooze(after);
        break;
      case Outcome::Kind::kCancelled:
        outcome = Cancelled(reason);
        break;
      case Outcome::Kind::kDead:
        outcome = Dead(reason);
        break;
      case Outcome::Kind::kCrashed:
        outcome = Crashed(std::move(status));
        break;
    }
  }

  template <class Struct>
  void TakeMembers(Struct& message) {
    boost::mp11::mp_for_each<Members<Struct>>([&](auto member) { Take(message.*member.pointer); });
  }

  template <class Value>
  Value Taken() {
    Value value = {};
    Take(value);
    return value;
  }

 private:
  std::string_view Bytes(std::uint64_t count) {
    good_ = good_ && count <= bytes_.size();
    if (!good_) return {};
    const std::string_view bytes = bytes_.substr(0, static_cast<std::size_t>(count));
    bytes_.remove_prefix(bytes.size());
    return bytes;
  }

  // One of an enumeration's values from `first` to `last`.
  template <class Enum>
  Enum Choice(Enum first, Enum last) {
    const auto number = Taken<std::int64_t>();
    const bool known =
        number >= static_cast<std::int64_t>(first) && number <= static_cast<std::int64_t>(last);
    good_ = good_ && known;
    return known ? static_cast<Enum>(number) : first;
  }

  std::string_view bytes_;
  bool good_ = true;
};

}  // namespace

std::string EncodeMessage(const Message& message) {
  std::string bytes(1, static_cast<char>(message.index()));
  Writer writer(bytes);
  std::visit([&](const auto& chosen) { writer.PutMembers(chosen); }, message);
  return bytes;
}

absl::StatusOr<Message> DecodeMessage(std::string_view body) {
  constexpr std::size_t kTypeCount = std::variant_size_v<Message>;
  const std::size_t type = body.empty() ? kTypeCount : static_cast<unsigned char>(body.front());
  if (type >= kTypeCount) return absl::InvalidArgumentError("a message of no known type");
  Reader reader(body.substr(1));
  Message message = boost::mp11::mp_with_index<kTypeCount>(type, [&](auto index) {
    std::variant_alternative_t<index, Message> chosen;
    reader.TakeMembers(chosen);
    return Message(std::move(chosen));
  });
  if (!reader.done()) return absl::InvalidArgumentError("a message that is not what it should be");
  return message;
}

}  // namespace outlive::isolate
