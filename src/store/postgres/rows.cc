#include "store/postgres/rows.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <bit>

namespace outlive::postgres {

std::int64_t Rows::changed() const {
  std::int64_t count = 0;
  return absl::SimpleAtoi(PQcmdTuples(result_.get()), &count) ? count : 0;
}

std::int64_t BigEndian(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > 8) return 0;
  // The first byte has the sign.
  std::uint64_t number = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(number);
}

std::int64_t Rows::Int(int row, int column) const { return BigEndian(Text(row, column)); }

// Its number of fields, then the type, the length (-1: null) and the bytes of each.
std::vector<std::string_view> Rows::Record(int row, int column) const {
  std::vector<std::string_view> fields;
  std::string_view left = Text(row, column);
  if (left.size() < 4) return fields;
  const std::int64_t count = BigEndian(left.substr(0, 4));
  left.remove_prefix(4);
  for (std::int64_t i = 0; i < count && left.size() >= 8; ++i) {
    const std::int64_t length = std::max<std::int64_t>(BigEndian(left.substr(4, 4)), 0);
    left.remove_prefix(8);
    fields.push_back(left.substr(0, static_cast<std::size_t>(length)));
    left.remove_prefix(fields.back().size());
  }
  return fields;
}

double Rows::Real(int row, int column) const { return std::bit_cast<double>(Int(row, column)); }

std::string_view Rows::Text(int row, int column) const {
  if (IsNull(row, column)) return {};
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

Fingerprint Rows::Uuid(int row, int column) const {
  Fingerprint uuid = {};
  const std::string_view bytes = Text(row, column);
  if (bytes.size() == uuid.size()) std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return uuid;
}

}  // namespace outlive::postgres
