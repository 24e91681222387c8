// The secrets of the app: made at the first start, then read from a file that only its owner may
// read. Whoever has them can make links and be any user.
//
//   # comment
//   link <key id> <64 hexadecimal digits>
//   cookie <64 hexadecimal digits>
//
// The first key of a kind signs, all of them verify: to replace one, add a line above it, and take
// the old one out after the longest life of a link (or cookie).
//
// Errors: kFailedPrecondition: a person has to look at the file.
//         kUnavailable: it cannot be read or written.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_KEYS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_KEYS_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "outlive/artifact/signed_link.h"
#include "outlive/core/random.h"
#include "outlive/core/secret.h"

namespace report_app {

struct Keys {
  std::vector<outlive::LinkKey> links;
  std::vector<outlive::Secret> cookies;
};

// Reads the file at `path`, which is made with new secrets where there is none. Two processes may
// do so at once.
absl::StatusOr<Keys> ReadOrMakeKeys(const std::string& path, outlive::RandomSource& random);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_KEYS_H_
