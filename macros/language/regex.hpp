// SPDX-License-Identifier: GPL-2.0-or-later
// Perl regular expressions on bytes: match, substitute, split. Patterns are compiled once per session; matching has
// limits, so that no pattern takes unbounded time. Code in patterns or replacements is never run. Spec:
// macro-language 2.2, 2.5. Tests: tests/unit/macros/number_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mars::macros {

// A compiled pattern, shared by copies.
class Regex {
  public:
    struct Compiled;

    Regex() = default;
    explicit operator bool() const { return code_ != nullptr; }

    // Offsets of the match and its groups: begin and end in pairs, kUnset for a group that took no part.
    static constexpr std::size_t kUnset = static_cast<std::size_t>(-1);
    using Groups = std::vector<std::size_t>;

    // Finds the first match at or after `from`; with `not_empty_at_start` one that is not empty at `from`.
    bool find(std::string_view text, std::size_t from, bool not_empty_at_start, Groups& groups) const;

  private:
    friend class RegexCache;
    std::shared_ptr<const Compiled> code_;
};

// What the letters of an options argument ask for.
struct RegexOptions {
    std::uint32_t flags = 0; // PCRE2's
    bool global = false;
    bool keep_original = false; // r
};

// nullopt: a letter that is unknown or not allowed.
std::optional<RegexOptions> parse_regex_options(std::string_view letters, bool substitution);

class RegexCache {
  public:
    // An empty Regex when the pattern is malformed.
    Regex compile(std::string_view pattern, std::uint32_t flags);

  private:
    std::unordered_map<std::string, Regex> known_;
};

// True when `pattern` holds something that Perl would interpolate ($name, @name), or unbalanced braces.
bool refuses_interpolation(std::string_view pattern);

// The replacement of one match: groups, escapes and case operators. nullopt: malformed.
class Replacement {
  public:
    static std::optional<Replacement> parse(std::string_view text);
    // Stops when `out` has grown beyond `limit`.
    void apply(std::string_view subject, const Regex::Groups& groups, std::string& out, std::size_t limit) const;

  private:
    struct Piece {
        enum class Kind : std::uint8_t { text, group, upper, lower, quote, end, next_upper, next_lower };
        Kind kind = Kind::text;
        std::string text;
        std::size_t group = 0;
    };
    std::vector<Piece> pieces_;
};

// A list with more elements is not made.
inline constexpr std::size_t kMaxElements = 4'000'000;

// Splits like Perl: " " at runs of white space, "" into bytes, otherwise at matches; trailing empty elements are
// dropped. nullopt: malformed pattern, or too many elements.
std::optional<std::vector<std::string>> split(RegexCache& cache, std::string_view text, std::string_view delimiter);

} // namespace mars::macros
