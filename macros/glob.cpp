// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/glob.hpp"

#include <algorithm>

#include "macros/state.hpp"

namespace mars::macros {

namespace {

// Of one pattern, and of all patterns after expansion; no path that exists is longer than 4 KiB.
constexpr std::size_t kMostBytes = std::size_t{16} << 10;
constexpr std::size_t kMostAlternatives = 10'000;
constexpr std::size_t kDeepest = 64; // components with wildcards

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

// Appends all that `pattern` means with its braces expanded; false when that is too much.
bool expand_braces(std::string pattern, std::vector<std::string>& out) {
    if (pattern.size() > kMostBytes) return false;
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
        if (auto below = state_of(evaluator_).below_tree(directory)) return state_of(evaluator_).view().list(*below);
        return evaluator_.outside().list(directory.empty() ? "." : directory);
    }
    bool is_deleted(const std::string& path) {
        auto below = state_of(evaluator_).below_tree(path);
        return below && state_of(evaluator_).view().raw_value(*below) == tree::kDeleted;
    }
    bool exists(const std::string& path) {
        auto below = state_of(evaluator_).below_tree(path);
        if (!below) return evaluator_.outside().kind(path) != Outside::FileKind::missing;
        auto& view = state_of(evaluator_).view();
        auto slash = below->rfind('/');
        auto siblings = view.list(slash == std::string::npos ? "" : below->substr(0, slash));
        return std::find(siblings.begin(), siblings.end(), below->substr(slash + 1)) != siblings.end();
    }
    // `base` is done; the pattern goes on at `at`.
    void descend(std::string base, const std::string& pattern, std::size_t at, std::vector<std::string>& out) {
        while (true) {
            auto end = std::min(pattern.find('/', at), pattern.size());
            std::string component = pattern.substr(at, end - at);
            auto next = pattern.find_first_not_of('/', end);
            bool is_last = next == std::string::npos;
            if (has_wildcard(component)) return search(base, component, pattern, next, out);
            if (is_last && exists(base + component)) out.push_back(base + component);
            if (is_last) return;
            base.append(component).append("/");
            at = next;
        }
    }
    // Goes on with all names in `base` that match `component`.
    void search(const std::string& base, const std::string& component, const std::string& pattern, std::size_t next,
                std::vector<std::string>& out) {
        if (depth_ >= kDeepest) return;
        ++depth_;
        std::string directory = base.size() > 1 && base.ends_with('/') ? base.substr(0, base.size() - 1) : base;
        for (auto& name : list(directory)) {
            if (!matches(name, component) || is_deleted(base + name)) continue;
            if (next == std::string::npos)
                out.push_back(base + name);
            else
                descend(base + name + "/", pattern, next, out);
        }
        --depth_;
    }

    std::size_t depth_ = 0;
    Evaluator& evaluator_;
};

} // namespace

bool glob_less(const std::string& a, const std::string& b) {
    auto less = [](char x, char y) { return lower(x) < lower(y); };
    if (std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less)) return true;
    if (std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end(), less)) return false;
    return a < b;
}

result<std::vector<std::string>> glob_paths(Evaluator& evaluator, std::string_view patterns) {
    std::vector<std::string> alternatives, found;
    for (auto& pattern : split(evaluator.regexes(), patterns, " ").value_or(std::vector<std::string>()))
        if (!expand_braces(std::move(pattern), alternatives))
            return failure(std::errc::argument_list_too_long, "a pattern may have " + std::to_string(kMostBytes) +
                                                                  " bytes, and all of them together " +
                                                                  std::to_string(kMostAlternatives) + " alternatives");
    Finder finder(evaluator);
    for (auto& pattern : alternatives) finder.find(pattern, found);
    return found;
}

} // namespace mars::macros
