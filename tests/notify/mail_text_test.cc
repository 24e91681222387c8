#include "notify/mail_text.h"

#include <doctest/doctest.h>

#include <clocale>
#include <string>

namespace mail = outlive::internal;

TEST_CASE("addresses are plain, or are refused (N04)") {
  for (const std::string& good :
       {std::string("ann@example.com"), std::string("a.b+c_d-e'f@sub.example.co.uk"),
        std::string("x@localhost"), std::string("1@1.2"), std::string(64, 'a') + "@example.com"}) {
    CAPTURE(good);
    CHECK(mail::IsMailAddress(good));
  }
  for (const std::string& bad : {std::string(),
                                 std::string("@"),
                                 std::string("ann"),
                                 std::string("ann@"),
                                 std::string("@example.com"),
                                 std::string("ann@@example.com"),
                                 std::string("a@b@c"),
                                 std::string("ann@example.com\r\nBcc: eve@example.com"),
                                 std::string("ann@example.com\n"),
                                 std::string("ann\r@example.com"),
                                 std::string("ann@example.com\0", 16),
                                 std::string("ann@exam ple.com"),
                                 std::string(" ann@example.com"),
                                 std::string("<ann@example.com>"),
                                 std::string("Ann <ann@example.com>"),
                                 std::string("ann@example.com> SIZE=1"),
                                 std::string("ann@example.com,eve@example.com"),
                                 std::string("\"ann\"@example.com"),
                                 std::string("ann(x)@example.com"),
                                 std::string(".ann@example.com"),
                                 std::string("ann.@example.com"),
                                 std::string("a..b@example.com"),
                                 std::string("ann@.example.com"),
                                 std::string("ann@example..com"),
                                 std::string("ann@-example.com"),
                                 std::string("ann@example-.com"),
                                 std::string("ann@[127.0.0.1]"),
                                 std::string("ann@exämple.com"),
                                 std::string("änn@example.com"),
                                 std::string("ann;@example.com"),
                                 std::string("ann:@example.com"),
                                 std::string(65, 'a') + "@example.com",
                                 "ann@" + std::string(64, 'a') + ".com",
                                 "ann@" + std::string(300, 'a')}) {
    CAPTURE(bad);
    CHECK_FALSE(mail::IsMailAddress(bad));
  }
}

TEST_CASE("header text is one line of UTF-8 without control characters (N04)") {
  CHECK(mail::IsHeaderText(""));
  CHECK(mail::IsHeaderText("Ваш отчёт 📄"));
  for (const std::string& bad : {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3),
                                 std::string("a\tb"), std::string("\x1b[31m"), std::string("\x7f"),
                                 std::string("\u0085"), std::string("\xc3"), std::string("\xff")}) {
    CHECK_FALSE(mail::IsHeaderText(bad));
  }
}

TEST_CASE("a subject that is not short and plain goes in encoded words (N04)") {
  CHECK(mail::EncodeHeaderText("Job 42 has completed") == "Job 42 has completed");
  CHECK(mail::EncodeHeaderText("Привет") == "=?UTF-8?B?0J/RgNC40LLQtdGC?=");
  // What looks encoded must not be taken for it.
  CHECK(mail::EncodeHeaderText("=?UTF-8?Q?x?=") == "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=");

  std::string text;
  for (int i = 0; i < 100; ++i) text += "я€𝄞";
  const std::string encoded = mail::EncodeHeaderText(text);
  std::size_t line_start = 0;
  while (line_start < encoded.size()) {
    const std::size_t end = std::min(encoded.find("\r\n ", line_start), encoded.size());
    CHECK(end - line_start <= 66);
    line_start = end + 3;
  }
}

TEST_CASE("a mailbox is an address, with a name that cannot break out (N04)") {
  CHECK(mail::FormatMailbox("", "a@b.c") == "a@b.c");
  CHECK(mail::FormatMailbox("Reports 7", "a@b.c") == "Reports 7\r\n <a@b.c>");
  CHECK(mail::FormatMailbox("x\" <eve@b.c>, \"", "a@b.c") ==
        "=?UTF-8?B?eCIgPGV2ZUBiLmM+LCAi?=\r\n <a@b.c>");
}

TEST_CASE("dates of mails do not depend on the locale") {
  const absl::Time time = absl::FromUnixSeconds(1'769'860'800);
  CHECK(mail::FormatMailDate(time) == "Sat, 31 Jan 2026 12:00:00 +0000");
  CHECK(mail::FormatMailDate(absl::FromUnixSeconds(951'782'399)) ==
        "Mon, 28 Feb 2000 23:59:59 +0000");
  CHECK(mail::FormatMailDate(absl::FromUnixSeconds(951'782'400)) ==
        "Tue, 29 Feb 2000 00:00:00 +0000");
}

TEST_CASE("HTML is escaped for text and attributes") {
  CHECK(mail::EscapeHtml("<a href=\"x\" b='y'>&amp;</a>") ==
        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
}

TEST_CASE("every line end becomes CRLF") {
  CHECK(mail::ToCrlf("a\nb\r\nc\rd\n\n\r\r\n") == "a\r\nb\r\nc\r\nd\r\n\r\n\r\n\r\n");
  CHECK(mail::ToCrlf("").empty());
}
