#include "outlive/core/args.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/limits.h"
#include "outlive/core/worker_set.h"
#include "outlive/testing/fake_job_context.h"
#include "outlive/testing/seeded_random.h"
#include "tests/core/message.h"

namespace {

using outlive::DecodeArgs;
using outlive::EncodeArgs;
using outlive::testing::Message;

enum class Format { kPdf, kXlsx };
BOOST_DESCRIBE_ENUM(Format, kPdf, kXlsx)

struct Address {
  std::string street;
  int zip = 10'000;
  bool operator==(const Address&) const = default;
};
BOOST_DESCRIBE_STRUCT(Address, (), (street, zip))

struct Item {
  std::string name = "unnamed";
  std::optional<Address> address;
  std::vector<Address> places;
  bool operator==(const Item&) const = default;
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, address, places))

struct Base {
  int version = 1;
  bool operator==(const Base&) const = default;
};
BOOST_DESCRIBE_STRUCT(Base, (), (version))

struct Everything : Base {
  static constexpr std::string_view kKind = "test.everything";
  bool flag = true;
  std::int8_t tiny = 1;
  std::int64_t large = 2;
  std::uint64_t huge = 3;
  float single = 0.5F;
  double real = 0.25;
  std::string text = "default";
  Format format = Format::kXlsx;
  absl::Time at = absl::UnixEpoch();
  absl::Duration span = absl::Minutes(90);
  std::vector<Item> items;
  std::map<std::string, Address> by_name;
  std::optional<std::string> note;
  bool operator==(const Everything&) const = default;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (flag, tiny, large, huge, single, real, text, format, at, span, items,
                       by_name, note))

// Containers in one another, in both orders.
struct Nested {
  std::optional<std::vector<int>> some;
  std::optional<std::map<std::string, int>> table;
  std::vector<std::optional<int>> gaps;
  std::vector<std::vector<int>> matrix;
  std::vector<std::map<std::string, int>> rows;
  std::map<std::string, std::vector<int>> lists;
  std::map<std::string, std::map<std::string, std::optional<double>>> deep;
  std::map<std::string, absl::Duration> spans;
  std::vector<bool> bits;
  std::vector<Format> formats;
  bool operator==(const Nested&) const = default;
};
BOOST_DESCRIBE_STRUCT(Nested, (),
                      (some, table, gaps, matrix, rows, lists, deep, spans, bits, formats))

// As deep as its value is.
struct Tree {
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (children))

struct Numbers {
  std::int8_t i8 = 0;
  std::uint8_t u8 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint64_t u64 = 0;
  float f = 0;
  double d = 0;
  bool operator==(const Numbers&) const = default;
};
BOOST_DESCRIBE_STRUCT(Numbers, (), (i8, u8, i32, i64, u64, f, d))

struct Texts {
  std::string text;
  std::map<std::string, int> map;
  std::vector<std::string> list;
  bool operator==(const Texts&) const = default;
};
BOOST_DESCRIBE_STRUCT(Texts, (), (text, map, list))

struct Times {
  absl::Time time;
  absl::Duration duration;
  bool operator==(const Times&) const = default;
};
BOOST_DESCRIBE_STRUCT(Times, (), (time, duration))

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

// Arguments that are bytes, not JSON.
struct RawBytes {
  static constexpr std::string_view kKind = "test.raw";
  std::string bytes;
};

// As protobuf generates them: no kind, and no description.
class InvoiceMessage {
 public:
  bool SerializeToString(std::string* bytes) const {
    if (number_ < 0) return false;
    *bytes = "pb:" + std::to_string(number_);
    return true;
  }
  bool ParseFromArray(const void* data, int size) {
    const std::string bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
    if (bytes.substr(0, 3) != "pb:") return false;
    number_ = std::stoi(bytes.substr(3));
    return true;
  }
  int number() const { return number_; }
  void set_number(int number) { number_ = number; }

 private:
  int number_ = 0;
};

template <class Message>
struct ProtobufCodec {
  static absl::StatusOr<std::string> Encode(const Message& args) {
    std::string bytes;
    if (args.SerializeToString(&bytes)) return bytes;
    return absl::InvalidArgumentError("a required field is missing");
  }
  static absl::StatusOr<Message> Decode(std::string_view bytes) {
    Message args;
    if (args.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return args;
    return absl::InvalidArgumentError("is not such a message");
  }
};

}  // namespace

template <>
struct outlive::ArgsCodec<InvoiceMessage> : ProtobufCodec<InvoiceMessage> {
  static constexpr std::string_view kKind = "invoice.send";
};

template <>
struct outlive::ArgsCodec<RawBytes> {
  static absl::StatusOr<std::string> Encode(const RawBytes& args) {
    if (args.bytes.empty()) return absl::InvalidArgumentError("must not be empty");
    return "raw:" + args.bytes;
  }
  static absl::StatusOr<RawBytes> Decode(std::string_view bytes) {
    if (bytes.substr(0, 4) != "raw:") return absl::InvalidArgumentError("has no raw: in front");
    return RawBytes{std::string(bytes.substr(4))};
  }
};

namespace {

// What Decode says to bad text, or "read" where it did not mind.
template <class T>
std::string Refusal(std::string_view text) {
  const absl::StatusOr<T> args = DecodeArgs<T>(text);
  if (args.ok()) return "read";
  CHECK(args.status().code() == absl::StatusCode::kInvalidArgument);
  return Message(args.status());
}

template <class T>
void CheckRoundTrip(const T& args) {
  const absl::StatusOr<std::string> bytes = EncodeArgs(args);
  REQUIRE_MESSAGE(bytes.ok(), Message(bytes.status()));
  CAPTURE(*bytes);
  const absl::StatusOr<T> again = DecodeArgs<T>(*bytes);
  REQUIRE_MESSAGE(again.ok(), Message(again.status()));
  CHECK((*again == args));
  CHECK(EncodeArgs(*again).value() == *bytes);
}

Everything Filled() {
  Everything args;
  args.version = 7;
  args.flag = false;
  args.tiny = -128;
  args.large = std::numeric_limits<std::int64_t>::min();
  args.huge = std::numeric_limits<std::uint64_t>::max();
  args.single = 0.1F;
  args.real = 0.1;
  args.text = "quote \" slash \\ line \n nul \0 owl 🦉 отчёт";
  args.format = Format::kPdf;
  args.at = absl::FromUnixNanos(1'700'000'000'123'456'789);
  args.span = absl::Nanoseconds(1);
  args.items = {Item{"a", Address{"Main", 1}, {{"b", 2}, {"c", 3}}}, Item{}};
  args.by_name = {{"", {"empty key", 0}}, {"é", {"x", -1}}};
  args.note = "";
  return args;
}

TEST_CASE("arguments of every kind are read back as they were") {
  CheckRoundTrip(Everything{});
  CheckRoundTrip(Filled());
  CheckRoundTrip(Nested{});
}

TEST_CASE("containers may hold one another in any order") {
  Nested args;
  args.some = {{1, 2, 3}};
  args.table = {{{"a", 1}}};
  args.gaps = {1, std::nullopt, 3};
  args.matrix = {{1}, {}, {2, 3}};
  args.rows = {{{"x", 1}}, {}};
  args.lists = {{"l", {1, 2}}, {"none", {}}};
  args.deep = {{"a", {{"b", 0.5}, {"c", std::nullopt}}}};
  args.spans = {{"s", absl::Hours(3)}};
  args.bits = {true, false, true};
  args.formats = {Format::kXlsx, Format::kPdf};
  CheckRoundTrip(args);
  args.some = std::vector<int>();
  CheckRoundTrip(args);
}

TEST_CASE("the text of arguments is what other versions and languages expect") {
  Everything args;
  args.items = {Item{"a", Address{"Main", 1}, {}}};
  args.by_name = {{"n", {"s", 2}}};
  CHECK(EncodeArgs(args).value() ==
        R"({"version":1,"flag":true,"tiny":1,"large":2,"huge":3,"single":5E-1,"real":2.5E-1,)"
        R"("text":"default","format":"kXlsx","at":"1970-01-01T00:00:00Z","span":"1h30m",)"
        R"("items":[{"name":"a","address":{"street":"Main","zip":1},"places":[]}],)"
        R"("by_name":{"n":{"street":"s","zip":2}},"note":null})");
  CHECK(EncodeArgs(Nothing{}).value() == "{}");
}

TEST_CASE("a missing member keeps its default") {
  CHECK((DecodeArgs<Everything>("{}").value() == Everything{}));
  const Everything args = DecodeArgs<Everything>(R"({"items":[{}],"by_name":{"a":{}}})").value();
  CHECK((args.items == std::vector<Item>{Item{}}));
  CHECK(args.by_name.at("a").zip == 10'000);
}

TEST_CASE("an unknown member is ignored, whatever it holds") {
  const Everything args =
      DecodeArgs<Everything>(
          R"({"later":{"deep":[1,{"x":null}]},"text":"t","huge_later":1e999,"":0})")
          .value();
  CHECK(args.text == "t");
  CHECK(DecodeArgs<Nothing>(R"({"anything":1})").ok());
}

TEST_CASE("of a member that is there twice the last one counts") {
  CHECK(DecodeArgs<Everything>(R"({"text":"first","text":"last"})")->text == "last");
  CHECK(DecodeArgs<Texts>(R"({"map":{"a":1,"a":2}})")->map.at("a") == 2);
}

TEST_CASE("null empties an optional member, and no other") {
  CHECK(DecodeArgs<Everything>(R"({"note":null})")->note == std::nullopt);
  CHECK(Refusal<Everything>(R"({"text":null})") == "text: must be a string, and is null");
}

TEST_CASE("a wrong type is an error that names the member, with what is allowed") {
  struct Line {
    std::string_view text;
    std::string_view said;
  };
  const Line lines[] = {
      {"[]", "must be an object, and is an array"},
      {"null", "must be an object, and is null"},
      {"7", "must be an object, and is an integer"},
      {R"({"flag":1})", "flag: must be true or false, and is an integer"},
      {R"({"flag":"true"})", "flag: must be true or false, and is a string"},
      {R"({"large":"7"})", "large: must be an integer, and is a string"},
      {R"({"large":1.0})", "large: must be an integer, and is a number"},
      {R"({"large":true})", "large: must be an integer, and is true or false"},
      {R"({"real":"0.5"})", "real: must be a number, and is a string"},
      {R"({"text":7})", "text: must be a string, and is an integer"},
      {R"({"format":"kDocx"})",
       "format: must be the name of one of the enum's values, and is a string"},
      {R"({"format":"kPdf\u0000"})",
       "format: must be the name of one of the enum's values, and is a string"},
      {R"({"format":""})", "format: must be the name of one of the enum's values, and is a string"},
      {R"({"format":0})", "format: must be a string, and is an integer"},
      {R"({"at":1700000000})",
       "at: must be a time such as \"2026-01-31T12:00:00Z\", and is an integer"},
      {R"({"at":"yesterday"})",
       "at: must be a time such as \"2026-01-31T12:00:00Z\", and is a string"},
      {R"({"at":"2026-01-31T12:00:00Z\u0000x"})",
       "at: must be a time such as \"2026-01-31T12:00:00Z\", and is a string"},
      {R"({"at":"2026-02-30T12:00:00Z"})",
       "at: must be a time such as \"2026-01-31T12:00:00Z\", and is a string"},
      {R"({"span":90})", "span: must be a duration such as \"1h30m\", and is an integer"},
      {R"({"span":"90"})", "span: must be a duration such as \"1h30m\", and is a string"},
      {R"({"span":"1h\u0000"})", "span: must be a duration such as \"1h30m\", and is a string"},
      {R"({"items":{}})", "items: must be an array, and is an object"},
      {R"({"by_name":[]})", "by_name: must be an object, and is an array"},
      {R"({"items":[{},7]})", "items[1]: must be an object, and is an integer"},
      {R"({"items":[{"name":[]}]})", "items[0].name: must be a string, and is an array"},
      {R"({"items":[{"address":{"zip":"x"}}]})",
       "items[0].address.zip: must be an integer, and is a string"},
      {R"({"items":[{"places":[{},{},{"street":1}]}]})",
       "items[0].places[2].street: must be a string, and is an integer"},
      {R"({"by_name":{"Ann":{"zip":null}}})", "by_name{0}.zip: must be an integer, and is null"},
      {R"({"by_name":{"":7}})", "by_name{0}: must be an object, and is an integer"},
      {R"({"version":"1"})", "version: must be an integer, and is a string"},
  };
  for (const Line& line : lines) {
    CAPTURE(line.text);
    CHECK(Refusal<Everything>(line.text) == line.said);
  }
  CHECK(Refusal<Nested>(R"({"matrix":[[1],[2,"x"]]})") ==
        "matrix[1][1]: must be an integer, and is a string");
  CHECK(Refusal<Nested>(R"({"deep":{"a":{"b":[]}}})") ==
        "deep{0}{0}: must be a number, and is an array");
  CHECK(Refusal<Nested>(R"({"bits":[true,0]})") ==
        "bits[1]: must be true or false, and is an integer");
}

TEST_CASE("an error does not show the keys of a map, which are arguments too") {
  CHECK(Refusal<Texts>(R"({"map":{"fine":1,"ann@example.com":"x"}})") ==
        "map{1}: must be an integer, and is a string");
  CHECK(Refusal<Nested>(R"({"deep":{"a":{},"b":{"c":1,"d":{}}}})") ==
        "deep{1}{1}: must be a number, and is an object");
}

TEST_CASE("numbers at the ends of their types are kept") {
  Numbers args;
  args.i8 = -128;
  args.u8 = 255;
  args.i32 = std::numeric_limits<std::int32_t>::min();
  args.i64 = std::numeric_limits<std::int64_t>::max();
  args.u64 = std::numeric_limits<std::uint64_t>::max();
  args.f = std::numeric_limits<float>::max();
  args.d = std::numeric_limits<double>::lowest();
  CheckRoundTrip(args);
  args.i64 = std::numeric_limits<std::int64_t>::min();
  args.f = std::numeric_limits<float>::denorm_min();
  args.d = std::numeric_limits<double>::denorm_min();
  CheckRoundTrip(args);
  args.d = std::numeric_limits<double>::min();
  args.f = -std::numeric_limits<float>::min();
  CheckRoundTrip(args);
}

TEST_CASE("numbers that do not fit are errors that say what does") {
  struct Line {
    std::string_view text;
    std::string_view said;
  };
  const Line lines[] = {
      {R"({"i8":128})", "i8: must be from -128 to 127"},
      {R"({"i8":-129})", "i8: must be from -128 to 127"},
      {R"({"u8":-1})", "u8: must be from 0 to 255"},
      {R"({"u8":256})", "u8: must be from 0 to 255"},
      {R"({"i32":2147483648})", "i32: must be from -2147483648 to 2147483647"},
      {R"({"i64":9223372036854775808})",
       "i64: must be from -9223372036854775808 to 9223372036854775807"},
      {R"({"i64":-9223372036854775809})", "i64: must be an integer, and is a number"},
      {R"({"u64":18446744073709551616})", "u64: must be an integer, and is a number"},
      {R"({"u64":-1})", "u64: must be from 0 to 18446744073709551615"},
      {R"({"i64":1e3})", "i64: must be an integer, and is a number"},
      {R"({"f":1e39})", "f: must be from -3.40282e+38 to 3.40282e+38"},
      {R"({"f":-1e300})", "f: must be from -3.40282e+38 to 3.40282e+38"},
      {R"({"d":1e309})", "d: must be from -1.79769e+308 to 1.79769e+308"},
      {R"({"d":-1e999})", "d: must be from -1.79769e+308 to 1.79769e+308"},
      {R"({"d":1e99999999999})", "is not JSON: exponent overflow"},
      {R"({"d":NaN})", "is not JSON: syntax error"},
      {R"({"d":Infinity})", "is not JSON: syntax error"},
  };
  for (const Line& line : lines) {
    CAPTURE(line.text);
    CHECK(Refusal<Numbers>(line.text) == line.said);
  }
  CHECK(DecodeArgs<Numbers>(R"({"d":1e-999})")->d == 0);
  CHECK(DecodeArgs<Numbers>(R"({"d":7})")->d == 7);
  CHECK(DecodeArgs<Numbers>(R"({"d":-9223372036854775808})")->d == -0x1p63);
  CHECK(DecodeArgs<Numbers>(R"({"d":18446744073709551615})")->d == 0x1p64);
}

TEST_CASE("every double is read back to its last bit") {
  outlive::testing::SeededRandom random(20'260'131);
  for (int i = 0; i < 20'000; ++i) {
    Numbers args;
    args.d = std::bit_cast<double>(random.Next());
    if (!std::isfinite(args.d)) continue;
    args.f = static_cast<float>(outlive::RandomUnit(random));
    const absl::StatusOr<Numbers> again = DecodeArgs<Numbers>(EncodeArgs(args).value());
    REQUIRE(again.ok());
    REQUIRE(std::bit_cast<std::uint64_t>(again->d) == std::bit_cast<std::uint64_t>(args.d));
    REQUIRE(again->f == args.f);
  }
}

TEST_CASE("what is not finite cannot be written") {
  Numbers args;
  args.d = std::numeric_limits<double>::infinity();
  CHECK(Message(EncodeArgs(args).status()) == "d: must be finite");
  args.d = 0;
  args.f = std::numeric_limits<float>::quiet_NaN();
  CHECK(Message(EncodeArgs(args).status()) == "f: must be finite");
}

TEST_CASE("text has to be UTF-8, in both directions") {
  Texts args;
  args.text = "\xFF";
  CHECK(Message(EncodeArgs(args).status()) == "text: must be UTF-8");
  args.text = "ok";
  args.list = {"a", "\xED\xA0\x80"};
  CHECK(Message(EncodeArgs(args).status()) == "list[1]: must be UTF-8");
  args.list = {};
  args.map = {{"\xC3", 1}};
  CHECK(Message(EncodeArgs(args).status()) == "map{0}: must be UTF-8");
  CHECK(Refusal<Texts>("{\"text\":\"\xFF\"}") == "is not JSON: syntax error");
  CHECK(Refusal<Texts>("{\"text\":\"\xED\xA0\x80\"}") == "is not JSON: syntax error");
  CHECK(Refusal<Texts>(R"({"text":"\ud800"})") != "read");
  CHECK(Refusal<Texts>(R"({"text":"\udc00\ud800"})") != "read");
  CHECK(DecodeArgs<Texts>(R"({"text":"\ud83e\udd89"})")->text == "🦉");
}

TEST_CASE("characters that JSON escapes come back") {
  Texts args;
  for (int byte = 0; byte < 128; ++byte) args.text.push_back(static_cast<char>(byte));
  args.map = {{args.text, 1}};
  args.list = {args.text, ""};
  CheckRoundTrip(args);
}

TEST_CASE("times and durations are kept exactly, also where they are extreme") {
  const absl::Duration tick = absl::Nanoseconds(1) / 4;
  const absl::Time times[] = {
      absl::UnixEpoch(),
      absl::UnixEpoch() - tick,
      absl::UnixEpoch() + tick,
      absl::FromUnixMicros(-1),
      absl::FromUnixSeconds(253'402'300'799),  // The last second of the year 9999.
      absl::FromUnixSeconds(253'402'300'800),  // And the one after.
      absl::FromUnixSeconds(-62'135'596'800),  // The first second of the year 1.
      absl::FromUnixSeconds(-62'135'596'801),
      absl::FromUnixSeconds(2'147'483'648),  // 2038.
      absl::FromUnixMicros(std::numeric_limits<std::int64_t>::max()),
      absl::FromUnixMicros(std::numeric_limits<std::int64_t>::min()),
      absl::InfiniteFuture(),
      absl::InfinitePast(),
  };
  for (const absl::Time time : times) CheckRoundTrip(Times{time, {}});
  const absl::Duration durations[] = {
      absl::ZeroDuration(),
      tick,
      -tick,
      absl::Nanoseconds(-1),
      absl::Microseconds(1'500),
      absl::Hours(24 * 366 * 1000) + tick,
      absl::Seconds(std::numeric_limits<std::int64_t>::max()),
      absl::Seconds(std::numeric_limits<std::int64_t>::min()),
      absl::InfiniteDuration(),
      -absl::InfiniteDuration(),
  };
  for (const absl::Duration duration : durations) CheckRoundTrip(Times{{}, duration});
}

TEST_CASE("times may come with an offset, and a leap second is a second") {
  const auto time = [](std::string_view text) {
    return DecodeArgs<Times>("{\"time\":\"" + std::string(text) + "\"}")->time;
  };
  const absl::Time noon = absl::FromUnixSeconds(1'769'860'800);
  CHECK(time("2026-01-31T12:00:00Z") == noon);
  CHECK(time("2026-01-31T14:30:00+02:30") == noon);
  CHECK(time("2026-01-31T12:00:00.000000001Z") == noon + absl::Nanoseconds(1));
  CHECK(time("2016-12-31T23:59:60Z") == absl::FromUnixSeconds(1'483'228'800));
}

TEST_CASE("an enum without a name for its value cannot be written") {
  Everything args;
  args.format = static_cast<Format>(7);
  CHECK(Message(EncodeArgs(args).status()) == "format: is not one of the enum's values");
}

TEST_CASE("what is not JSON is refused") {
  for (const std::string_view text :
       {"", " ", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{'a':1}", "{} {}", "{}x", "\"",
        "{\"text\":\"a\nb\"}", "nul", "01", "// {}", "{\"text\":\"\\x41\"}", "\xEF\xBB\xBF{}",
        "<xml/>"}) {
    CAPTURE(text);
    CHECK(Refusal<Everything>(text).substr(0, 13) == "is not JSON: ");
  }
  CHECK(Refusal<Everything>(std::string_view("{}\0", 3)).substr(0, 13) == "is not JSON: ");
  CHECK(DecodeArgs<Everything>(" \t\r\n{ } \n").ok());
}

TEST_CASE("depth has a limit, in both directions") {
  Tree tree;
  for (int level = 2; level < outlive::limits::kJsonDepthMax; level += 2) {
    Tree parent;
    parent.children.push_back(std::move(tree));
    tree = std::move(parent);
  }
  CheckRoundTrip(tree);
  Tree parent;
  parent.children.push_back(std::move(tree));
  CHECK(Message(EncodeArgs(parent).status()) == "must be at most 64 levels deep");

  const auto nested = [](int levels) {
    return "{\"later\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  CHECK(DecodeArgs<Nothing>(nested(64)).ok());
  CHECK(Refusal<Nothing>(nested(65)) == "is not JSON: too deep");
  CHECK(Refusal<Nothing>(std::string(1'000'000, '[')) == "is not JSON: too deep");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(Refusal<Nothing>(objects) == "is not JSON: too deep");
}

TEST_CASE("large arguments are read and written") {
  Texts args;
  args.text = std::string(outlive::limits::kPayloadBytesMax, 'x');
  for (int i = 0; i < 20'000; ++i) args.map[std::to_string(i)] = i;
  args.list.assign(20'000, "line");
  CheckRoundTrip(args);
}

TEST_CASE("a codec of its own decides alone, errors included") {
  const std::string bytes("\0\xFF\n", 3);
  const absl::StatusOr<std::string> encoded = EncodeArgs(RawBytes{bytes});
  REQUIRE(encoded.ok());
  CHECK(*encoded == "raw:" + bytes);
  CHECK(DecodeArgs<RawBytes>(*encoded)->bytes == bytes);
  CHECK(EncodeArgs(RawBytes{}).status() == absl::InvalidArgumentError("must not be empty"));
  CHECK(DecodeArgs<RawBytes>("{}").status() == absl::InvalidArgumentError("has no raw: in front"));
}

TEST_CASE("a generated type has its codec say its kind") {
  static_assert(outlive::JobArgs<InvoiceMessage>);
  static_assert(outlive::KindOf<InvoiceMessage>() == "invoice.send");
  InvoiceMessage message;
  message.set_number(42);
  const absl::StatusOr<std::string> bytes = EncodeArgs(message);
  REQUIRE(bytes.ok());
  CHECK(*bytes == "pb:42");
  CHECK(DecodeArgs<InvoiceMessage>(*bytes)->number() == 42);
  CHECK(DecodeArgs<InvoiceMessage>("{}").status() ==
        absl::InvalidArgumentError("is not such a message"));

  outlive::WorkerSet workers;
  workers.Add<InvoiceMessage>([](outlive::JobContext&, const InvoiceMessage& args) {
    return outlive::Done(std::to_string(args.number()));
  });
  outlive::testing::FakeJobContext job;
  outlive::Worker& worker = *workers.entries().at("invoice.send").worker;
  CHECK(worker.Run(job, *bytes).output() == "42");
  CHECK(worker.Run(job, "{}").kind() == outlive::Outcome::Kind::kDead);
}

TEST_CASE("arguments are known by their kind") {
  static_assert(outlive::KindOf<Everything>() == "test.everything");

  static_assert(outlive::JobArgs<Everything>);
  static_assert(outlive::JobArgs<RawBytes>);
  static_assert(!outlive::JobArgs<Item>);
  static_assert(!outlive::JobArgs<int>);
}

}  // namespace
