// SPDX-License-Identifier: GPL-2.0-or-later
// Sizes as people write them: NUMBER[SUFFIX]. Spec: verbs 1.3. Tests: tests/unit/shell/size_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mars::shell {

inline constexpr std::uint64_t kSizeUnit = 4096; // resource sizes are multiples of it

// Bytes of "10", "1.5G", "100m": lower case suffixes k m g t p are powers of 1000, upper case ones of 1024. A fraction
// of a byte is cut off. nullopt when malformed, negative or larger than 2^63 - 1.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "1.500 GiB (1610612736 bytes)".
std::string size_text(std::uint64_t bytes);

} // namespace mars::shell
