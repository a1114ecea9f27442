// SPDX-License-Identifier: GPL-2.0-or-later
// wrap: a text in lines of a help page. Tests: tests/unit/base/text_test.cpp.
#pragma once

#include <string>
#include <string_view>

#include "kernel/base/split.hpp"

namespace mars {

// `text` in lines of at most `width` characters, longer words excepted: the first behind `first` blanks, the others
// behind `indent`. Each ends with a newline; no text is one line.
inline std::string wrap(std::string_view text, std::size_t width, std::size_t first, std::size_t indent) {
    std::string out;
    std::string line(first, ' ');
    std::size_t words = 0;
    while (!text.empty()) {
        const auto word = take_part(text, ' ');
        if (words > 0 && line.size() + 1 + word.size() > width) {
            out += line + "\n";
            line.assign(indent, ' ');
            words = 0;
        }
        if (words++ > 0) line += ' ';
        line += word;
    }
    return out + line + "\n";
}

} // namespace mars
