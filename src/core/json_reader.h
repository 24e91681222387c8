// Reads JSON as boost::json::parse() does, but every number to its last bit: Boost.JSON 1.81 rounds
// one double in ten to a neighbour of what was written.
#ifndef OUTLIVE_SRC_CORE_JSON_READER_H_
#define OUTLIVE_SRC_CORE_JSON_READER_H_

#include <absl/status/statusor.h>

#include <boost/json/value.hpp>
#include <string_view>

namespace outlive::internal {

// One value, and nothing after it. At most `depth_max` arrays and objects in one another. A number
// that no double holds is infinite. kInvalidArgument: "is not JSON: why".
absl::StatusOr<boost::json::value> ReadJson(std::string_view text, int depth_max);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_JSON_READER_H_
