// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/shell_pattern.hpp"

#include <algorithm>
#include <optional>

#include "kernel/base/characters.hpp"

namespace mars::macros {

namespace {

// Matches the bracket expression at the start of `pattern` and cuts it off; nullopt when it is not closed.
std::optional<bool> match_bracket(std::string_view& pattern, char c) {
    std::size_t i = 1;
    bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^'), found = false;
    if (negated) ++i;
    for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
        char low = pattern[i], high = low;
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = pattern[i + 2];
            i += 2;
        }
        found |= low <= c && c <= high;
        ++i;
    }
    if (i >= pattern.size()) return std::nullopt;
    pattern.remove_prefix(i + 1);
    return found != negated;
}

// Where the first "{a,b}" of `pattern` has its brace, its commas, and its closing brace; empty when there is none.
std::vector<std::size_t> first_braces(std::string_view pattern) {
    auto open = pattern.find('{');
    if (open == std::string::npos) return {};
    std::vector<std::size_t> cuts{open};
    int depth = 0;
    for (std::size_t at = open; at < pattern.size(); ++at) {
        if (pattern[at] == '{') ++depth;
        bool is_end = pattern[at] == '}' && --depth == 0;
        if (is_end || (pattern[at] == ',' && depth == 1)) cuts.push_back(at);
        if (is_end) return cuts;
    }
    return {};
}

} // namespace

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?[") != std::string_view::npos;
}

bool matches_pattern(std::string_view name, std::string_view pattern) {
    if (name.starts_with('.') && !pattern.starts_with('.')) return false;
    std::string_view star_pattern, star_name;
    bool has_star = false;
    while (!name.empty()) {
        std::string_view rest = pattern;
        bool ok = false;
        if (rest.starts_with('*')) {
            star_pattern = pattern = pattern.substr(1);
            star_name = name;
            has_star = true;
            continue;
        }
        if (rest.starts_with('[')) {
            auto inside = match_bracket(rest, name.front());
            ok = inside ? *inside : name.front() == '[';
            if (!inside) rest.remove_prefix(1);
        } else if (!rest.empty()) {
            if (rest.starts_with('\\') && rest.size() > 1)
                rest.remove_prefix(1);
            else
                ok = rest.front() == '?';
            ok = ok || rest.front() == name.front();
            rest.remove_prefix(1);
        }
        if (ok) {
            pattern = rest;
            name.remove_prefix(1);
        } else if (has_star && !star_name.empty()) {
            star_name.remove_prefix(1);
            name = star_name;
            pattern = star_pattern;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*') == std::string_view::npos;
}

bool expand_braces(std::string pattern, std::vector<std::string>& out) {
    if (pattern.size() > kMostPatternBytes) return false;
    std::vector<std::string> open{std::move(pattern)}; // the next one is the last
    while (!open.empty()) {
        std::string next = std::move(open.back());
        open.pop_back();
        auto cuts = first_braces(next);
        if (out.size() + open.size() + cuts.size() > kMostAlternatives) return false;
        if (cuts.empty()) {
            out.push_back(std::move(next));
            continue;
        }
        std::string before = next.substr(0, cuts.front()), behind = next.substr(cuts.back() + 1);
        for (std::size_t i = cuts.size() - 1; i > 0; --i)
            open.push_back(before + next.substr(cuts[i - 1] + 1, cuts[i] - cuts[i - 1] - 1) + behind);
    }
    return true;
}

bool glob_less(const std::string& a, const std::string& b) {
    auto less = [](char x, char y) { return to_lower(x) < to_lower(y); };
    if (std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less)) return true;
    if (std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end(), less)) return false;
    return a < b;
}

} // namespace mars::macros
