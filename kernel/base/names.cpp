// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/names.hpp"
#include "kernel/base/characters.hpp"

#include <algorithm>
#include <array>

namespace mars {

namespace {

bool is_word(char c) {
    return is_digit(c) || is_alpha(c) || c == '_';
}

// The run of digits at the start of `text`.
std::string_view digits(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    return text.substr(0, n);
}

std::string_view without_zeros(std::string_view run) {
    while (run.size() > 1 && run.front() == '0') run.remove_prefix(1);
    return run;
}

} // namespace

bool is_identifier(std::string_view name) {
    if (name.empty() || name.size() > kMaxNameLength || !is_word(name.front())) return false;
    return std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '-'; });
}

bool is_reserved_name(std::string_view name) {
    if (name.size() > 2 && name.front() == '(' && name.back() == ')') name = name.substr(1, name.size() - 2);
    constexpr std::array<std::string_view, 9> reserved{"none",      "all",    "any",   "full",     "empty",
                                                       "undefined", "remote", "local", "localhost"};
    return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

bool natural_less(std::string_view a, std::string_view b) {
    const auto whole_a = a;
    const auto whole_b = b;
    // What both begin with decides nothing, but for a number that goes on behind it.
    const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    auto same = static_cast<std::size_t>(differ - a.begin());
    while (same > 0 && is_digit(a[same - 1])) --same;
    a.remove_prefix(same);
    b.remove_prefix(same);
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            auto run_a = digits(a);
            auto run_b = digits(b);
            auto x = without_zeros(run_a);
            auto y = without_zeros(run_b);
            if (x.size() != y.size()) return x.size() < y.size();
            if (x != y) return x < y;
            a.remove_prefix(run_a.size());
            b.remove_prefix(run_b.size());
        } else {
            if (a.front() != b.front()) return a.front() < b.front();
            a.remove_prefix(1);
            b.remove_prefix(1);
        }
    }
    if (a.empty() != b.empty()) return a.empty();
    return whole_a < whole_b; // equal but for leading zeros
}

void sort_names(std::vector<std::string>& names) {
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return natural_less(a, b); });
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

} // namespace mars
