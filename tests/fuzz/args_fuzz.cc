// Arguments of unknown origin: reading them fails or gives what can be written and read again.
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/args.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {

enum class Shade { kLight, kDark };
BOOST_DESCRIBE_ENUM(Shade, kLight, kDark)

struct Inner {
  std::int8_t small = 0;
  std::uint64_t large = 0;
  float narrow = 0;
  std::map<std::string, std::optional<double>> table;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (small, large, narrow, table))

struct Outer {
  static constexpr std::string_view kKind = "fuzz";
  bool flag = false;
  std::int64_t number = 0;
  std::string text;
  Shade shade = Shade::kLight;
  absl::Time at = {};
  absl::Duration span = {};
  std::optional<Inner> inner;
  std::vector<Inner> list;
  std::map<std::string, std::vector<std::vector<bool>>> deep;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (flag, number, text, shade, at, span, inner, list, deep))

void Args(std::string_view input) {
  const absl::StatusOr<Outer> read = DecodeArgs<Outer>(input);
  if (!read.ok()) return Require(!read.status().message().empty(), "a refusal says why");
  const absl::StatusOr<std::string> written = EncodeArgs(*read);
  Require(written.ok(), "what was read can be written");
  const absl::StatusOr<Outer> again = DecodeArgs<Outer>(*written);
  Require(again.ok(), "and read again");
  Require(EncodeArgs(*again).value() == *written, "and is the same");
}

}  // namespace outlive::fuzz
