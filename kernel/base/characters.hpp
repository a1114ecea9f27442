// SPDX-License-Identifier: GPL-2.0-or-later
// Classes of characters as they are in ASCII, whatever the locale.
#pragma once

namespace mars {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

constexpr bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

} // namespace mars
