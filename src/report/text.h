// Text on its way into a document: what is not text is replaced, and nothing else is changed.
#ifndef OUTLIVE_SRC_REPORT_TEXT_H_
#define OUTLIVE_SRC_REPORT_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace outlive::rendering {

// `text` with U+FFFD for every byte that is not UTF-8, and for the characters that documents cannot
// hold: control characters other than tab, line feed and carriage return, and noncharacters.
// Returns `text` itself where there is nothing to replace, else a view of `scratch`.
std::string_view Clean(std::string_view text, std::string& scratch);

// As above, as a string.
std::string CleanCopy(std::string_view text);

// As above, with a space for every tab and line break.
std::string OneLine(std::string_view text);

// The first character of clean, non-empty `text`, which is shortened by it.
char32_t TakeCodePoint(std::string_view& text);

void AppendUtf8(char32_t code_point, std::string& out);

// Characters as spreadsheets and JavaScript count them.
std::size_t Utf16Length(std::string_view clean);

// The longest beginning of `clean` with at most `units` UTF-16 units.
std::string_view CutToUtf16Length(std::string_view clean, std::size_t units);

// `pattern` with every `name` replaced by `value`, which is not looked at again.
std::string Replaced(std::string_view pattern, std::string_view name, std::string_view value);

// Whether a language (a BCP 47 tag) is written from right to left.
bool IsRightToLeft(std::string_view language);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_TEXT_H_
