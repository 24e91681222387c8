#include "report/text.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "report/paragraphs.h"

namespace {

using namespace outlive::rendering;

TEST_CASE("text: what is text stays untouched and is not copied") {
  std::string scratch = "old";
  for (const std::string_view text : {"", "plain", "tab\tand\r\nlines",
                                      "\u00E9\u0416\u0639\u4E2D\U0001F600", "\uFFFD", "\u00A0"}) {
    CAPTURE(text);
    const std::string_view clean = Clean(text, scratch);
    CHECK(clean == text);
    CHECK(clean.data() == text.data());
  }
}

TEST_CASE("text: what is not text is replaced, one mark a fault") {
  const std::string mark = "\uFFFD";
  CHECK(CleanCopy("a\x80z") == "a" + mark + "z");
  CHECK(CleanCopy("\xC3") == mark);                                   // Cut short.
  CHECK(CleanCopy("\xE4\xB8") == mark + mark);                        // Cut short.
  CHECK(CleanCopy("\xC0\xAF") == mark + mark);                        // Overlong.
  CHECK(CleanCopy("\xED\xA0\x80") == mark + mark + mark);             // A surrogate.
  CHECK(CleanCopy("\xF4\x90\x80\x80") == mark + mark + mark + mark);  // Beyond Unicode.
  CHECK(CleanCopy(std::string("a\0b", 3)) == "a" + mark + "b");
  CHECK(CleanCopy("\x01\x1F\x7F") == mark + mark + mark);
  CHECK(CleanCopy("\xC2\x85") == mark);          // A C1 control.
  CHECK(CleanCopy("\xEF\xBF\xBE") == mark);      // U+FFFE.
  CHECK(CleanCopy("\xF0\x9F\xBF\xBF") == mark);  // U+1FFFF.
}

TEST_CASE("text: code points go both ways") {
  for (const char32_t c : {U'a', U'\u00E9', U'\u4E2D', U'\U0001F600', U'\U0010FFFD'}) {
    std::string bytes;
    AppendUtf8(c, bytes);
    bytes += "rest";
    std::string_view view = bytes;
    CHECK(TakeCodePoint(view) == c);
    CHECK(view == "rest");
  }
}

TEST_CASE("text: length in UTF-16 and cutting to it never splits a character") {
  CHECK(Utf16Length("") == 0);
  CHECK(Utf16Length("a\u00E9\u4E2D\U0001F600") == 5);
  const std::string_view text = "a\U0001F600b";
  CHECK(CutToUtf16Length(text, 0).empty());
  CHECK(CutToUtf16Length(text, 1) == "a");
  CHECK(CutToUtf16Length(text, 2) == "a");
  CHECK(CutToUtf16Length(text, 3) == "a\U0001F600");
  CHECK(CutToUtf16Length(text, 99) == text);
}

TEST_CASE("text: placeholders in what replaces them mean nothing") {
  CHECK(Replaced("Page {page} of {pages}", "{page}", "2") == "Page 2 of {pages}");
  CHECK(Replaced("{t}{t}", "{t}", "{t}") == "{t}{t}");
  CHECK(Replaced("none", "{t}", "x") == "none");
}

TEST_CASE("text: one line has no line breaks and no tabs") {
  CHECK(OneLine("a\r\nb\tc") == "a  b c");
}

TEST_CASE("text: which languages run from right to left") {
  for (const std::string_view tag : {"ar", "he", "fa-IR", "AR-EG", "ur", "az-Arab", "ckb"}) {
    CAPTURE(tag);
    CHECK(IsRightToLeft(tag));
  }
  for (const std::string_view tag : {"", "en", "ru", "arn", "ar-Latn", "zh-Hant", "hr"}) {
    CAPTURE(tag);
    CHECK_FALSE(IsRightToLeft(tag));
  }
}

TEST_CASE("text: empty lines separate paragraphs, single breaks stay") {
  using Texts = std::vector<std::string>;
  CHECK(SplitParagraphs("") == Texts{});
  CHECK(SplitParagraphs("\n \n\t\n") == Texts{});
  CHECK(SplitParagraphs("one") == Texts{"one"});
  CHECK(SplitParagraphs("one\ntwo\n\nthree\r\n\r\n\r\nfour\n") ==
        Texts{"one\ntwo", "three", "four"});
}

}  // namespace
