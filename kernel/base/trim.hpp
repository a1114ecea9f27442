// SPDX-License-Identifier: GPL-2.0-or-later
// trim: text without white space at both ends.
#pragma once

#include <string_view>

namespace mars {

inline std::string_view trim(std::string_view text) {
    constexpr std::string_view white = " \t\r\n\v\f";
    const auto begin = text.find_first_not_of(white);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(white) + 1 - begin);
}

} // namespace mars
