// How stores recognise an idempotency key and the arguments it came with: fixed-size names made
// from them, so that keys of any length cost the same in an index.
//
// Both are name-based UUIDs, version 5 (RFC 9562 section 5.5), that is, the first 128 bits of
// SHA-1. Not a defence against somebody who makes collisions on purpose: such a caller only gets
// its own first job back.
//
// Thread-safety: pure functions.
#ifndef OUTLIVE_CORE_IDEMPOTENCY_H_
#define OUTLIVE_CORE_IDEMPOTENCY_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace outlive {

using Fingerprint = std::array<std::uint8_t, 16>;

// Names (kind, key): the scope of a key is its kind.
Fingerprint KeyFingerprint(std::string_view kind, std::string_view key);

// Names the arguments.
Fingerprint ArgsFingerprint(std::string_view args);

}  // namespace outlive

#endif  // OUTLIVE_CORE_IDEMPOTENCY_H_
