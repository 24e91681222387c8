#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/utf8.h"
#include "http/text.h"
#include "outlive/http/download.h"

namespace outlive::http {
namespace {

constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kExtensionBytesMax = 16;

// Characters that change the direction of the text around them, so that "gpj.exe" reads as
// "exe.jpg", and the two that some programs take for the end of a line.
bool IsDeceptive(std::string_view character) {
  static constexpr std::array<std::string_view, 14> kCharacters = {
      "\u061c", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
      "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u2028", "\u2029"};
  return std::find(kCharacters.begin(), kCharacters.end(), character) != kCharacters.end();
}

bool IsAllowed(std::string_view character) {
  if (character.size() == 1) {
    return !IsControl(character[0]) &&
           std::string_view("/\\:*?\"<>|").find(character[0]) == std::string_view::npos;
  }
  const bool is_c1_control = character.size() == 2 && character[0] == '\xc2' &&
                             static_cast<unsigned char>(character[1]) < 0xa0;
  return !is_c1_control && !IsDeceptive(character);
}

std::string Cleaned(std::string_view name) {
  std::string cleaned;
  while (!name.empty()) {
    const std::size_t size = outlive::internal::Utf8SequenceSize(name);
    const std::string_view character = name.substr(0, std::max<std::size_t>(size, 1));
    if (size > 0 && IsAllowed(character)) {
      cleaned.append(character);
    } else {
      cleaned.push_back('_');
    }
    name.remove_prefix(character.size());
  }
  return cleaned;
}

// The most of `text` that fits into `bytes_max`, without cutting through a character.
std::string_view CutUtf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// Shortens the part before the extension.
std::string Shortened(const std::string& name) {
  if (name.size() <= kNameBytesMax) return name;
  std::string_view extension;
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos && name.size() - dot <= kExtensionBytesMax) {
    extension = std::string_view(name).substr(dot);
  }
  return fmt::format("{}{}", CutUtf8(name, kNameBytesMax - extension.size()), extension);
}

// Windows cannot make a file of these names, whatever the extension.
bool IsDeviceName(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames = {"CON", "PRN", "AUX", "NUL"};
  const std::string_view stem = name.substr(0, name.find('.'));
  for (const std::string_view device : kNames) {
    if (EqualsIgnoringCase(stem, device)) return true;
  }
  return stem.size() == 4 && IsDigit(stem[3]) &&
         (EqualsIgnoringCase(stem.substr(0, 3), "COM") ||
          EqualsIgnoringCase(stem.substr(0, 3), "LPT"));
}

std::string SafeName(std::string_view file_name) {
  std::string name = Shortened(Cleaned(file_name));
  if (name.empty()) return "download";
  if (name.front() == '.') name.front() = '_';
  if (name.back() == '.' || name.back() == ' ') name.back() = '_';
  return IsDeviceName(name) ? "_" + name : name;
}

// For programs that do not know `filename*`: one '_' for each character beyond ASCII. '%' goes as
// well, because some of them decode it.
std::string AsciiFallback(std::string_view name) {
  std::string ascii;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;  // The rest of a character.
    ascii.push_back(byte >= 0x80 || c == '%' ? '_' : c);
  }
  return ascii;
}

}  // namespace

std::string AttachmentDisposition(std::string_view file_name) {
  const std::string name = SafeName(file_name);
  const std::string fallback = AsciiFallback(name);
  std::string disposition = fmt::format("attachment; filename=\"{}\"", fallback);
  if (fallback != name) {
    // `attr-char` of RFC 8187.
    disposition += fmt::format("; filename*=UTF-8''{}", PercentEncode(name, "!#$&+-.^_`|~"));
  }
  return disposition;
}

}  // namespace outlive::http
