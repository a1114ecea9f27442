// SPDX-License-Identifier: GPL-2.0-or-later
// take_part, split, all_parts: text that is a list, part by part. Tests: tests/unit/base/text_test.cpp.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace mars {

// Takes the first part, and the separator behind it, from `rest`. Nothing is left behind a separator at the end: "a\n"
// has one line.
inline std::string_view take_part(std::string_view& rest, char separator) {
    const auto part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return part;
}

// The parts that are not empty.
inline std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty())
        if (const auto part = take_part(text, separator); !part.empty()) parts.emplace_back(part);
    return parts;
}

// All parts, also empty ones: one more than there are separators.
inline std::vector<std::string> all_parts(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (bool is_last = false; !is_last;) {
        is_last = text.find(separator) == std::string_view::npos;
        parts.emplace_back(take_part(text, separator));
    }
    return parts;
}

} // namespace mars
