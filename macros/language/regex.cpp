// SPDX-License-Identifier: GPL-2.0-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "macros/language/regex.hpp"
#include "kernel/base/characters.hpp"

#include <pcre2.h>

namespace mars::macros {

namespace {

constexpr std::uint32_t kMatchLimit = 2'000'000; // steps of one match; ordinary ones need a few thousand
constexpr std::uint32_t kHeapLimitKib = 64 * 1024;
constexpr std::size_t kKeptPatterns = 500;

bool is_name_start(char c) {
    return is_alpha(c) || c == '_';
}

PCRE2_SPTR bytes(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

} // namespace

struct Regex::Compiled {
    pcre2_code* code;
    pcre2_match_data* data;
    pcre2_match_context* context;

    explicit Compiled(pcre2_code* c)
        : code(c), data(pcre2_match_data_create_from_pattern(c, nullptr)),
          context(pcre2_match_context_create(nullptr)) {
        pcre2_set_match_limit(context, kMatchLimit);
        pcre2_set_depth_limit(context, kMatchLimit);
        pcre2_set_heap_limit(context, kHeapLimitKib);
    }
    ~Compiled() {
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
        pcre2_code_free(code);
    }
    Compiled(const Compiled&) = delete;
    Compiled& operator=(const Compiled&) = delete;
};

bool Regex::find(std::string_view text, std::size_t from, bool not_empty_at_start, Groups& groups) const {
    std::uint32_t options = not_empty_at_start ? PCRE2_NOTEMPTY_ATSTART : 0;
    int count = pcre2_match(code_->code, bytes(text), text.size(), from, options, code_->data, code_->context);
    if (count <= 0) return false; // no match, or a limit: both are "does not match"
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(code_->data);
    groups.assign(ends, ends + 2 * pcre2_get_ovector_count(code_->data));
    return groups[0] <= groups[1]; // \K in a look-ahead may turn them round
}

std::optional<RegexOptions> parse_regex_options(std::string_view letters, bool substitution) {
    RegexOptions options;
    for (char letter : letters) {
        switch (letter) {
        case 'i':
            options.flags |= PCRE2_CASELESS;
            break;
        case 'm':
            options.flags |= PCRE2_MULTILINE;
            break;
        case 's':
            options.flags |= PCRE2_DOTALL;
            break;
        case 'x':
            options.flags |= PCRE2_EXTENDED;
            break;
        case 'n':
            options.flags |= PCRE2_NO_AUTO_CAPTURE;
            break;
        case 'g':
            options.global = true;
            break;
        case 'o':
        case 'a':
        case 'c':
        case 'p':
        case 'l':
        case 'u':
        case 'd':
            break;
        case 'r':
            if (!substitution) return std::nullopt;
            options.keep_original = true;
            break;
        default:
            return std::nullopt;
        }
    }
    return options;
}

Regex RegexCache::compile(std::string_view pattern, std::uint32_t flags) {
    std::string key = std::to_string(flags) + " " + std::string(pattern);
    if (auto known = known_.find(key); known != known_.end()) return known->second;
    if (known_.size() > kKeptPatterns) known_.clear();
    int error = 0;
    PCRE2_SIZE offset = 0;
    Regex regex;
    if (auto* code = pcre2_compile(bytes(pattern), pattern.size(), flags | PCRE2_NEVER_UTF, &error, &offset, nullptr))
        regex.code_ = std::make_shared<Regex::Compiled>(code);
    known_.emplace(std::move(key), regex);
    return regex;
}

bool refuses_interpolation(std::string_view pattern) {
    int depth = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        char c = pattern[i], next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        if (c == '\\')
            ++i;
        else if (c == '{')
            ++depth;
        else if (c == '}' && --depth < 0)
            return true;
        else if (c == '$' && (is_name_start(next) || is_digit(next) || next == '{' || next == '&'))
            return true;
        else if (c == '@' && (is_name_start(next) || next == '{' || next == '$'))
            return true;
        else if (c == '(' && (pattern.substr(i).starts_with("(?{") || pattern.substr(i).starts_with("(??{")))
            return true;
    }
    return depth != 0;
}

namespace {

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        while (at < text.size() && is_white(text[at])) ++at;
        std::size_t begin = at;
        while (at < text.size() && !is_white(text[at])) ++at;
        if (at > begin) words.emplace_back(text.substr(begin, at - begin));
    }
    return words;
}

void split_at_matches(const Regex& regex, std::string_view text, std::vector<std::string>& parts) {
    Regex::Groups groups;
    std::size_t begin = 0;
    while (begin < text.size() && parts.size() <= kMaxElements && regex.find(text, begin, true, groups)) {
        parts.emplace_back(text.substr(begin, groups[0] - begin));
        for (std::size_t g = 2; g + 1 < groups.size(); g += 2)
            parts.emplace_back(groups[g] == Regex::kUnset ? std::string_view()
                                                          : text.substr(groups[g], groups[g + 1] - groups[g]));
        begin = groups[1];
    }
    parts.emplace_back(text.substr(begin));
}

} // namespace

std::optional<std::vector<std::string>> split(RegexCache& cache, std::string_view text, std::string_view delimiter) {
    if (delimiter == " ") return split_words(text);
    std::vector<std::string> parts;
    if (delimiter.empty()) {
        if (text.size() > kMaxElements) return std::nullopt;
        for (char c : text) parts.emplace_back(1, c);
        return parts;
    }
    Regex regex = cache.compile(delimiter, delimiter == "^" ? PCRE2_MULTILINE : 0);
    if (!regex) return std::nullopt;
    if (!text.empty()) split_at_matches(regex, text, parts);
    if (parts.size() > kMaxElements) return std::nullopt;
    while (!parts.empty() && parts.back().empty()) parts.pop_back();
    return parts;
}

} // namespace mars::macros
