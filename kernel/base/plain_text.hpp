// SPDX-License-Identifier: GPL-2.0-or-later
// What editors of other systems leave in text files: a byte order mark in front, and carriage returns at the ends of
// lines. Every text that people write is read as if they were not there. Tests: tests/unit/base/plain_text_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace mars {

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf"; // of UTF-8

// Without the mark, and with plain line feeds; a last line may end in a carriage return alone.
inline std::string plain_text(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || (i + 1 < text.size() && text[i + 1] != '\n')) plain += text[i];
    return plain;
}

} // namespace mars
