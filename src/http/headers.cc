#include "outlive/http/headers.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/text.h"

namespace outlive::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

absl::Status CheckField(std::string_view name, std::string_view value) {
  if (!IsToken(name)) {
    return absl::InvalidArgumentError("a header name is not a token");
  }
  if (!IsFieldValue(value)) {
    return absl::InvalidArgumentError(
        fmt::format("the value of the header {} has a control character", name));
  }
  if (name.size() + value.size() > kFieldBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("a header is longer than {} bytes", kFieldBytesMax));
  }
  return absl::OkStatus();
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlpha(c) || IsDigit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool IsFieldValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return IsControl(c) && c != '\t'; });
}

absl::Status Headers::Add(std::string_view name, std::string_view value) {
  absl::Status checked = CheckField(name, value);
  if (!checked.ok()) return checked;
  fields_.push_back({std::string(name), std::string(TrimBlanks(value))});
  return absl::OkStatus();
}

absl::Status Headers::Set(std::string_view name, std::string_view value) {
  absl::Status checked = CheckField(name, value);
  if (!checked.ok()) return checked;
  HeaderField field{std::string(name), std::string(TrimBlanks(value))};
  Remove(field.name);
  fields_.push_back(std::move(field));
  return absl::OkStatus();
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_,
                [&](const HeaderField& field) { return EqualsIgnoringCase(field.name, name); });
}

bool Headers::Has(std::string_view name) const { return Count(name) > 0; }

int Headers::Count(std::string_view name) const {
  return static_cast<int>(std::count_if(
      fields_.begin(), fields_.end(),
      [&](const HeaderField& field) { return EqualsIgnoringCase(field.name, name); }));
}

std::optional<std::string_view> Headers::Get(std::string_view name) const {
  for (const HeaderField& field : fields_) {
    if (EqualsIgnoringCase(field.name, name)) return field.value;
  }
  return std::nullopt;
}

}  // namespace outlive::http
