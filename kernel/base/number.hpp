// SPDX-License-Identifier: GPL-2.0-or-later
// Strict conversion of text to integers: the whole text must be one decimal number that fits.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace mars {

template<class Int>
std::optional<Int> parse_number(std::string_view text) {
    Int value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

} // namespace mars
