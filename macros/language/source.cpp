// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/source.hpp"
#include "kernel/base/characters.hpp"

#include <algorithm>

namespace mars::macros {

namespace {

Source identity(std::string_view text) {
    Source source{std::string(text), {}};
    source.offsets.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) source.offsets.push_back(static_cast<std::uint32_t>(i));
    return source;
}

void copy(const Source& from, std::size_t at, Source& to) {
    to.text += from.text[at];
    to.offsets.push_back(from.offsets[at]);
}

std::size_t line_end(std::string_view text, std::size_t at) {
    auto end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end;
}

// End of the block comment that begins at `at`, when its first run of stars ends it; else `at`.
std::size_t short_block_end(std::string_view text, std::size_t at) {
    std::size_t slash = std::min(text.find_first_not_of('*', at + 2), text.size());
    bool ends = slash < text.size() && text[slash] == '/' && (slash - at - 2) % 2 == 1;
    return ends ? slash + 1 : at;
}

// End of the block comment that begins at `at`, or `at` when it is not terminated.
std::size_t block_end(std::string_view text, std::size_t at) {
    for (std::size_t i = at + 2; i < text.size();) {
        if (text[i] != '*')
            ++i;
        else if (i + 1 < text.size() && text[i + 1] == '/')
            return i + 2;
        else
            i += 2;
    }
    return at;
}

// End of the comment that begins at `at`, or `at` when none does.
std::size_t comment_end(std::string_view text, std::size_t at, bool hash_anywhere) {
    char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (text[at] == '#') {
        bool starts_word = at == 0 || is_white(text[at - 1]);
        return hash_anywhere || starts_word ? line_end(text, at) : at;
    }
    if (text[at] == '/' && next == '*') return block_end(text, at);
    if (text[at] == '/' && next == '/' && at + 2 < text.size() && (text[at + 2] == ' ' || text[at + 2] == '\t'))
        return line_end(text, at);
    if (text[at] == '\\' && next == '\n') {
        std::size_t end = at + 2;
        while (end < text.size() && is_white(text[end])) ++end;
        return end;
    }
    return at;
}

Source without_comments(const Source& from, bool hash_anywhere) {
    Source to;
    to.text.reserve(from.text.size());
    to.offsets.reserve(from.text.size());
    // Once an opening found no end in the rest, a later one can find it only in the stars that follow it at once: all
    // other runs of stars look the same from there.
    bool unterminated = false;
    for (std::size_t at = 0; at < from.text.size();) {
        bool opens_block = from.text.compare(at, 2, "/*") == 0;
        std::size_t end =
            opens_block && unterminated ? short_block_end(from.text, at) : comment_end(from.text, at, hash_anywhere);
        if (opens_block && end == at) unterminated = true;
        if (end == at)
            copy(from, at++, to);
        else
            at = end;
    }
    return to;
}

Source with_newlines(const Source& from) {
    Source to;
    to.text.reserve(from.text.size());
    to.offsets.reserve(from.text.size());
    for (std::size_t at = 0; at < from.text.size(); ++at) {
        if (from.text.compare(at, 2, "\\n") == 0) {
            to.text += '\n';
            to.offsets.push_back(from.offsets[at++]);
        } else {
            copy(from, at, to);
        }
    }
    return to;
}

} // namespace

Source preprocess(std::string_view original, Origin origin, bool hash_anywhere) {
    Source source = identity(original);
    switch (origin) {
    case Origin::command_line:
        return without_comments(with_newlines(source), hash_anywhere);
    case Origin::template_viewed:
        return without_comments(with_newlines(without_comments(source, hash_anywhere)), hash_anywhere);
    case Origin::template_called:
        return with_newlines(without_comments(source, hash_anywhere));
    case Origin::built_in:
        return without_comments(source, hash_anywhere);
    case Origin::none:
        break;
    }
    return source;
}

} // namespace mars::macros
