#include "outlive/core/log.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "core/utf8.h"
#include "outlive/core/limits.h"

namespace {

using outlive::EscapeForLog;
using outlive::limits::kMessageBytesMax;

TEST_CASE("text of any language stays as it is") {
  for (const std::string_view text : {"", "plain", "with \"quotes\" and \\ and /", "żółć", "отчёт",
                                      "تقرير", "報告", "🦉", "\xC2\xA0", "\xEF\xBF\xBD"}) {
    CHECK(EscapeForLog(text) == text);
  }
}

TEST_CASE("control characters cannot break the line or steer a terminal") {
  CHECK(EscapeForLog("a\nb") == "a\\x0ab");
  CHECK(EscapeForLog("a\r\nlevel=error forged") == "a\\x0d\\x0alevel=error forged");
  CHECK(EscapeForLog("\x1b[2J") == "\\x1b[2J");
  CHECK(EscapeForLog("\t\x7f") == "\\x09\\x7f");
  CHECK(EscapeForLog(std::string_view("\0", 1)) == "\\x00");
  CHECK(EscapeForLog("\xC2\x9B"
                     "31m") == "\\xc2\\x9b31m");    // CSI of C1.
  CHECK(EscapeForLog("\xC2\x85") == "\\xc2\\x85");  // NEL.
  CHECK(EscapeForLog("\xE2\x80\xA8\xE2\x80\xA9") == "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
}

TEST_CASE("bytes that are not UTF-8 are shown one by one") {
  CHECK(EscapeForLog("\xFF") == "\\xff");
  CHECK(EscapeForLog("\x80") == "\\x80");
  CHECK(EscapeForLog("\xC3") == "\\xc3");                             // Cut short.
  CHECK(EscapeForLog("\xC0\xAF") == "\\xc0\\xaf");                    // Overlong.
  CHECK(EscapeForLog("\xE0\x80\xAF") == "\\xe0\\x80\\xaf");           // Overlong.
  CHECK(EscapeForLog("\xED\xA0\x80") == "\\xed\\xa0\\x80");           // A surrogate.
  CHECK(EscapeForLog("\xF0\x80\x80\xAF") == "\\xf0\\x80\\x80\\xaf");  // Overlong.
  CHECK(EscapeForLog("\xF4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // Beyond U+10FFFF.
  CHECK(EscapeForLog("\xF5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
  CHECK(EscapeForLog("ok\xE2\x82"
                     "ok") == "ok\\xe2\\x82ok");
}

TEST_CASE("every byte alone gives one line of text") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string escaped = EscapeForLog(std::string(1, static_cast<char>(byte)));
    CAPTURE(byte);
    CHECK(outlive::internal::IsUtf8(escaped));
    CHECK(escaped.find('\n') == std::string::npos);
    CHECK(EscapeForLog(escaped) == escaped);
  }
}

TEST_CASE("long text is cut, between characters only") {
  CHECK(EscapeForLog(std::string(kMessageBytesMax, 'x')).size() == kMessageBytesMax);
  CHECK(EscapeForLog(std::string(3 * kMessageBytesMax, 'x')) == std::string(kMessageBytesMax, 'x'));
  CHECK(EscapeForLog(std::string(kMessageBytesMax, '\n')).size() == kMessageBytesMax);
  for (const std::string_view character : {"é", "€", "🦉", "\n", "\xFF"}) {
    for (std::size_t offset = 0; offset < 5; ++offset) {
      std::string text(offset, 'x');
      while (text.size() < 2 * kMessageBytesMax) text += character;
      const std::string escaped = EscapeForLog(text);
      CAPTURE(character);
      CAPTURE(offset);
      CHECK(escaped.size() <= kMessageBytesMax);
      CHECK(escaped.size() > kMessageBytesMax - 4);
      CHECK(outlive::internal::IsUtf8(escaped));
      CHECK(EscapeForLog(escaped) == escaped);
    }
  }
}

}  // namespace
