#include "store/postgres/params.h"

#include <array>
#include <bit>
#include <cstddef>
#include <utility>

namespace outlive::postgres {
namespace {

// Most significant byte first.
template <class Number>
void AppendNumber(std::string& bytes, Number number) {
  std::array<char, sizeof(Number)> digits;
  for (std::size_t i = digits.size(); i > 0; --i) {
    digits[i - 1] = static_cast<char>(number & 0xff);
    number = static_cast<Number>(number >> 8);
  }
  bytes.append(digits.data(), digits.size());
}

void AppendLength(std::string& bytes, std::size_t length) {
  AppendNumber(bytes, static_cast<std::uint32_t>(length));
}

}  // namespace

Array::Array(Element element) : element_(element) {}

void Array::AddInt(std::int64_t value) {
  ++count_;
  AppendLength(bytes_, sizeof(value));
  AppendNumber(bytes_, static_cast<std::uint64_t>(value));
}

void Array::AddSmall(std::int16_t value) {
  ++count_;
  AppendLength(bytes_, sizeof(value));
  AppendNumber(bytes_, static_cast<std::uint16_t>(value));
}

void Array::AddReal(double value) {
  ++count_;
  AppendLength(bytes_, sizeof(value));
  AppendNumber(bytes_, std::bit_cast<std::uint64_t>(value));
}

void Array::AddBytes(std::string_view bytes) {
  ++count_;
  AppendLength(bytes_, bytes.size());
  bytes_.append(bytes);
}

void Array::AddUuid(const Fingerprint& uuid) {
  AddBytes({reinterpret_cast<const char*>(uuid.data()), uuid.size()});
}

void Array::AddNull() {
  ++count_;
  has_null_ = true;
  AppendNumber(bytes_, static_cast<std::uint32_t>(-1));
}

std::string Array::Take() && {
  std::string array;
  array.reserve(bytes_.size() + 20);
  AppendLength(array, count_ == 0 ? 0 : 1);  // Dimensions.
  AppendLength(array, has_null_ ? 1 : 0);
  AppendNumber(array, static_cast<std::uint32_t>(element_));
  if (count_ == 0) return array;
  AppendLength(array, count_);
  AppendLength(array, 1);  // Where it begins.
  return array.append(bytes_);
}

Array Ints(const std::vector<std::int64_t>& values) {
  Array array(Element::kBigint);
  for (const std::int64_t value : values) array.AddInt(value);
  return array;
}

Array Texts(const std::vector<std::string>& values) {
  Array array(Element::kText);
  for (const std::string& value : values) array.AddBytes(value);
  return array;
}

Params& Params::Int(std::int64_t value) {
  AppendNumber(values_.emplace_back(std::in_place).value(), static_cast<std::uint64_t>(value));
  return *this;
}

Params& Params::Text(std::string_view value) {
  values_.emplace_back(value);
  return *this;
}

Params& Params::Null() {
  values_.emplace_back(std::nullopt);
  return *this;
}

Params& Params::Add(Array array) {
  values_.emplace_back(std::move(array).Take());
  return *this;
}

}  // namespace outlive::postgres
