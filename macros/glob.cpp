// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/glob.hpp"

#include <algorithm>

namespace mars::macros {

namespace {

constexpr std::size_t kMostAlternatives = 10'000;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?[") != std::string_view::npos;
}

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

// Does one path component match? Linear in the product of the lengths: only the latest star is retried.
bool matches(std::string_view name, std::string_view pattern) {
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

// Expands the first "{a,b}" of `pattern`, recursively.
void expand_braces(const std::string& pattern, std::vector<std::string>& out) {
    if (out.size() >= kMostAlternatives) return;
    auto open = pattern.find('{');
    std::vector<std::size_t> cuts{open};
    std::size_t close = open;
    for (int depth = 0; close < pattern.size(); ++close) {
        if (pattern[close] == '{') ++depth;
        if (pattern[close] == ',' && depth == 1) cuts.push_back(close);
        if (pattern[close] == '}' && --depth == 0) break;
    }
    if (open == std::string::npos || close >= pattern.size()) return out.push_back(pattern);
    cuts.push_back(close);
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
        expand_braces(pattern.substr(0, open) + pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1) +
                          pattern.substr(close + 1),
                      out);
}

class Finder {
  public:
    explicit Finder(Evaluator& evaluator) : evaluator_(evaluator) {}

    void find(const std::string& pattern, std::vector<std::string>& out) {
        if (!has_wildcard(pattern)) {
            if (!is_deleted(pattern)) out.push_back(pattern);
            return;
        }
        std::vector<std::string> found;
        descend(pattern.starts_with('/') ? "/" : "", pattern, pattern.find_first_not_of('/'), found);
        std::sort(found.begin(), found.end(), glob_less);
        out.insert(out.end(), found.begin(), found.end());
    }

  private:
    std::vector<std::string> list(const std::string& directory) {
        if (auto below = evaluator_.state().below_tree(directory)) return evaluator_.state().view().list(*below);
        return evaluator_.outside().list(directory.empty() ? "." : directory);
    }
    bool is_deleted(const std::string& path) {
        auto below = evaluator_.state().below_tree(path);
        return below && evaluator_.state().view().raw_value(*below) == tree::kDeleted;
    }
    bool exists(const std::string& path) {
        auto below = evaluator_.state().below_tree(path);
        if (!below) return evaluator_.outside().kind(path) != Outside::FileKind::missing;
        auto& view = evaluator_.state().view();
        auto slash = below->rfind('/');
        auto siblings = view.list(slash == std::string::npos ? "" : below->substr(0, slash));
        return std::find(siblings.begin(), siblings.end(), below->substr(slash + 1)) != siblings.end();
    }
    // `base` is done; the pattern goes on at `at`.
    void descend(const std::string& base, const std::string& pattern, std::size_t at, std::vector<std::string>& out) {
        auto end = std::min(pattern.find('/', at), pattern.size());
        std::string component = pattern.substr(at, end - at);
        auto next = pattern.find_first_not_of('/', end);
        auto go_on = [&](const std::string& path) {
            if (next == std::string::npos)
                out.push_back(path);
            else
                descend(path + "/", pattern, next, out);
        };
        if (!has_wildcard(component)) {
            bool last = next == std::string::npos;
            if (!last || exists(base + component)) go_on(base + component);
            return;
        }
        std::string directory = base.size() > 1 && base.ends_with('/') ? base.substr(0, base.size() - 1) : base;
        for (auto& name : list(directory))
            if (matches(name, component) && !is_deleted(base + name)) go_on(base + name);
    }

    Evaluator& evaluator_;
};

} // namespace

bool glob_less(const std::string& a, const std::string& b) {
    auto less = [](char x, char y) { return lower(x) < lower(y); };
    if (std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less)) return true;
    if (std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end(), less)) return false;
    return a < b;
}

std::vector<std::string> glob_paths(Evaluator& evaluator, std::string_view patterns) {
    std::vector<std::string> alternatives, found;
    for (auto& pattern : split(evaluator.regexes(), patterns, " ").value_or(std::vector<std::string>()))
        expand_braces(pattern, alternatives);
    Finder finder(evaluator);
    for (auto& pattern : alternatives) finder.find(pattern, found);
    return found;
}

} // namespace mars::macros
