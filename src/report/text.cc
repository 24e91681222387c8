#include "report/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace outlive::rendering {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes of the character at the start of `text`; 0 where a document cannot hold it.
std::size_t GoodSize(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  if (first < 0x20) return first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  if (first < 0x7F) return 1;
  if (first == 0x7F) return 0;
  const std::size_t size = internal::Utf8SequenceSize(text);
  if (size == 2 && first == 0xC2 && static_cast<std::uint8_t>(text[1]) < 0xA0) return 0;  // C1.
  if (size < 3) return size;
  std::string_view rest = text.substr(0, size);
  const char32_t c = TakeCodePoint(rest);
  const bool noncharacter = (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
  return noncharacter ? 0 : size;
}

}  // namespace

std::string_view Clean(std::string_view text, std::string& scratch) {
  std::size_t good = 0;
  while (good < text.size()) {
    const std::size_t size = GoodSize(text.substr(good));
    if (size == 0) break;
    good += size;
  }
  if (good == text.size()) return text;
  scratch.assign(text.substr(0, good));
  for (std::size_t i = good; i < text.size();) {
    const std::size_t size = GoodSize(text.substr(i));
    scratch.append(size == 0 ? kReplacement : text.substr(i, size));
    // A well-formed character that no document holds is one character, not three bad bytes.
    i += size != 0 ? size : std::max<std::size_t>(1, internal::Utf8SequenceSize(text.substr(i)));
  }
  return scratch;
}

std::string CleanCopy(std::string_view text) {
  std::string scratch;
  return std::string(Clean(text, scratch));
}

std::string OneLine(std::string_view text) {
  std::string line = CleanCopy(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\t' || c == '\r' || c == '\n'; }, ' ');
  return line;
}

char32_t TakeCodePoint(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(text[i] & 0x3F); };
  const auto first = static_cast<std::uint8_t>(text[0]);
  char32_t c = first;
  std::size_t size = 1;
  if (first >= 0xF0) {
    c = (char32_t{first} & 0x07) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
    size = 4;
  } else if (first >= 0xE0) {
    c = (char32_t{first} & 0x0F) << 12 | byte(1) << 6 | byte(2);
    size = 3;
  } else if (first >= 0xC0) {
    c = (char32_t{first} & 0x1F) << 6 | byte(1);
    size = 2;
  }
  text.remove_prefix(size);
  return c;
}

void AppendUtf8(char32_t c, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::size_t Utf16Length(std::string_view clean) {
  std::size_t units = 0;
  for (const char c : clean) {
    const auto byte = static_cast<std::uint8_t>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

std::string_view CutToUtf16Length(std::string_view clean, std::size_t units) {
  std::string_view rest = clean;
  std::size_t used = 0;
  while (!rest.empty()) {
    std::string_view next = rest;
    used += TakeCodePoint(next) > 0xFFFF ? 2 : 1;
    if (used > units) break;
    rest = next;
  }
  return clean.substr(0, clean.size() - rest.size());
}

std::string Replaced(std::string_view pattern, std::string_view name, std::string_view value) {
  std::string result;
  while (true) {
    const std::size_t at = pattern.find(name);
    result.append(pattern.substr(0, at));
    if (at == std::string_view::npos) return result;
    result.append(value);
    pattern.remove_prefix(at + name.size());
  }
}

bool IsRightToLeft(std::string_view language) {
  std::string tag(language);
  std::transform(tag.begin(), tag.end(), tag.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  // A script in the tag decides, as in "az-Arab" and "ar-Latn".
  for (const std::string_view script : {"-arab", "-hebr", "-thaa", "-syrc", "-nkoo", "-adlm"}) {
    if (tag.find(script) != std::string::npos) return true;
  }
  if (tag.find("-latn") != std::string::npos || tag.find("-cyrl") != std::string::npos) {
    return false;
  }
  constexpr std::array<std::string_view, 11> kLanguages = {"ar", "arc", "ckb", "dv", "fa", "he",
                                                           "ps", "sd",  "ug",  "ur", "yi"};
  const std::string_view primary = std::string_view(tag).substr(0, tag.find('-'));
  return std::find(kLanguages.begin(), kLanguages.end(), primary) != kLanguages.end();
}

}  // namespace outlive::rendering
