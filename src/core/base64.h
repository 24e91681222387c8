// Base64 (RFC 4648 section 4), for bytes that JSON cannot hold. Through Boost's archive iterators.
#ifndef OUTLIVE_SRC_CORE_BASE64_H_
#define OUTLIVE_SRC_CORE_BASE64_H_

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <string>
#include <string_view>

namespace outlive::internal {

inline std::string Base64(std::string_view bytes) {
  using SixBits =
      boost::archive::iterators::transform_width<std::string_view::const_iterator, 6, 8>;
  using Digits = boost::archive::iterators::base64_from_binary<SixBits>;
  std::string text(Digits(bytes.begin()), Digits(bytes.end()));
  text.append((3 - bytes.size() % 3) % 3, '=');
  return text;
}

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_BASE64_H_
