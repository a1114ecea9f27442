// SPDX-License-Identifier: GPL-2.0-or-later
// roff: text for a man page, in which nothing is a command: at the beginning of a line neither a dot nor a quote, no
// backslash, and no minus sign that would become a hyphen. Tests: tests/unit/base/text_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace mars {

inline std::string roff(std::string_view text) {
    std::string out;
    bool starts_line = true;
    for (const char c : text) {
        if (starts_line && (c == '.' || c == '\'')) out += "\\&";
        starts_line = c == '\n';
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

} // namespace mars
