#include "store/postgres/params.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

namespace outlive::postgres {
namespace {

// Of an array: dimensions, whether there are nulls, type; and of its only dimension, if there is
// one: size, where it begins.
constexpr std::size_t kHeadBytes = 20;
constexpr std::size_t kEmptyBytes = 12;

// Of arrays: few of them grow beyond it.
constexpr std::size_t kFirstBytes = 512;

// Most significant byte first.
template <class Number>
void PutNumber(char* at, Number number) {
  for (std::size_t i = sizeof(Number); i > 0; --i) {
    at[i - 1] = static_cast<char>(number & 0xff);
    number = static_cast<Number>(number >> 8);
  }
}

template <class Number>
void AppendNumber(std::string& bytes, Number number) {
  std::array<char, sizeof(Number)> digits;
  PutNumber(digits.data(), number);
  bytes.append(digits.data(), digits.size());
}

}  // namespace

Array::Array(Element element) : element_(element) {}

// Begins an element.
void Array::AddLength(std::size_t length) {
  if (count_++ == 0) {
    bytes_.reserve(kFirstBytes);
    bytes_.resize(kHeadBytes);
  }
  AppendNumber(bytes_, static_cast<std::uint32_t>(length));
}

void Array::AddInt(std::int64_t value) {
  AddLength(sizeof(value));
  AppendNumber(bytes_, static_cast<std::uint64_t>(value));
}

void Array::AddSmall(std::int16_t value) {
  AddLength(sizeof(value));
  AppendNumber(bytes_, static_cast<std::uint16_t>(value));
}

void Array::AddReal(double value) {
  AddLength(sizeof(value));
  AppendNumber(bytes_, std::bit_cast<std::uint64_t>(value));
}

void Array::AddBytes(std::string_view bytes) {
  AddLength(bytes.size());
  bytes_.append(bytes);
}

void Array::AddUuid(const Fingerprint& uuid) {
  AddBytes({reinterpret_cast<const char*>(uuid.data()), uuid.size()});
}

void Array::AddNull() {
  has_null_ = true;
  AddLength(static_cast<std::uint32_t>(-1));
}

std::string Array::Take() && {
  bytes_.resize(std::max(bytes_.size(), kHeadBytes));
  const auto put = [this](std::size_t place, std::size_t number) {
    PutNumber(&bytes_[place * sizeof(std::uint32_t)], static_cast<std::uint32_t>(number));
  };
  put(0, count_ == 0 ? 0 : 1);
  put(1, has_null_ ? 1 : 0);
  put(2, static_cast<std::size_t>(element_));
  put(3, count_);
  put(4, 1);
  if (count_ == 0) bytes_.resize(kEmptyBytes);
  return std::move(bytes_);
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
