// SPDX-License-Identifier: GPL-2.0-or-later
// The replacement part of %subst: what Perl makes of it, without evaluation of code. Spec: macro-language 2.5.
#include "kernel/base/characters.hpp"
#include "macros/language/regex.hpp"

#include <charconv>

namespace mars::macros {

namespace {

std::string_view digits_at(std::string_view text, std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    return text.substr(at, end - at);
}

std::size_t number(std::string_view digits) {
    std::size_t value = 0;
    auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return parsed.ec == std::errc() ? value : Regex::kUnset;
}

// A group reference behind '$' at `at`: `1`, `{1}` or `&`. Sets `end` behind it. nullopt: something else.
std::optional<std::size_t> group_reference(std::string_view text, std::size_t at, std::size_t& end) {
    if (at < text.size() && text[at] == '&') {
        end = at + 1;
        return 0;
    }
    bool braces = at < text.size() && text[at] == '{';
    auto digits = digits_at(text, at + (braces ? 1 : 0));
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    end = at + digits.size() + (braces ? 2 : 0);
    if (braces && (end > text.size() || text[end - 1] != '}')) return std::nullopt;
    return number(digits);
}

// The byte of `\xHH` or `\x{HH}` whose digits begin at `at`; sets `end` behind it.
char hex_escape(std::string_view text, std::size_t at, std::size_t& end) {
    bool braces = at < text.size() && text[at] == '{';
    std::size_t begin = at + (braces ? 1 : 0), limit = std::min(text.size(), begin + 2);
    unsigned value = 0;
    auto parsed = std::from_chars(text.data() + begin, text.data() + std::max(begin, limit), value, 16);
    end = parsed.ec == std::errc() ? static_cast<std::size_t>(parsed.ptr - text.data()) : begin;
    if (braces && end < text.size() && text[end] == '}') ++end;
    return static_cast<char>(value);
}

// Applies case operators to the bytes that pass through.
class CaseWriter {
  public:
    explicit CaseWriter(std::string& out) : out_(out) {}
    void write(std::string_view text) {
        for (char c : text) write(c);
    }
    void set_case(char mode) { case_ = mode; }
    void set_quote() { quote_ = true; }
    void set_next(char mode) { next_ = mode; }
    void end() {
        if (case_ != '\0')
            case_ = '\0';
        else
            quote_ = false;
    }

  private:
    void write(char c) {
        if (case_ == 'U') c = to_upper(c);
        if (case_ == 'L') c = to_lower(c);
        if (next_ == 'u') c = to_upper(c);
        if (next_ == 'l') c = to_lower(c);
        next_ = '\0';
        bool word = is_alpha(c) || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
        if (quote_ && !word) out_ += '\\';
        out_ += c;
    }

    std::string& out_;
    char case_ = '\0', next_ = '\0';
    bool quote_ = false;
};

} // namespace

std::optional<Replacement> Replacement::parse(std::string_view text) {
    static constexpr std::string_view kLetters = "trfbaen0", kMeanings{"\t\r\f\b\a\x1b\n\0", 8};
    static constexpr std::string_view kOperators = "ULQEul";
    static constexpr Piece::Kind kKinds[] = {Piece::Kind::upper, Piece::Kind::lower,      Piece::Kind::quote,
                                             Piece::Kind::end,   Piece::Kind::next_upper, Piece::Kind::next_lower};
    Replacement replacement;
    auto& pieces = replacement.pieces_;
    auto add = [&](Piece::Kind kind, std::size_t group = 0) { pieces.push_back({kind, {}, group}); };
    auto add_byte = [&](char c) {
        if (pieces.empty() || pieces.back().kind != Piece::Kind::text) add(Piece::Kind::text);
        pieces.back().text += c;
    };
    int depth = 0;
    for (std::size_t i = 0; i < text.size();) {
        char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
        std::size_t end = i + 1;
        if (c == '\\' && i + 1 < text.size()) {
            end = i + 2;
            auto digits = digits_at(text, i + 1);
            if (!digits.empty() && next != '0') {
                end = i + 1 + digits.size();
                add(Piece::Kind::group, number(digits));
            } else if (auto op = kOperators.find(next); op != std::string_view::npos)
                add(kKinds[op]);
            else if (next == 'x')
                add_byte(hex_escape(text, i + 2, end));
            else if (auto letter = kLetters.find(next); letter != std::string_view::npos)
                add_byte(kMeanings[letter]);
            else
                add_byte(next);
        } else if (c == '$') {
            auto group = group_reference(text, i + 1, end);
            if (!group) return std::nullopt;
            add(Piece::Kind::group, *group);
        } else if (c == '@' && (is_alpha(next) || next == '_' || next == '{' || next == '$')) {
            return std::nullopt;
        } else {
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (depth < 0) return std::nullopt;
            add_byte(c);
        }
        i = end;
    }
    if (depth != 0) return std::nullopt;
    return replacement;
}

void Replacement::apply(std::string_view subject, const Regex::Groups& groups, std::string& out,
                        std::size_t limit) const {
    CaseWriter writer(out);
    for (auto& piece : pieces_) {
        if (out.size() > limit) return;
        switch (piece.kind) {
        case Piece::Kind::text:
            writer.write(piece.text);
            break;
        case Piece::Kind::group:
            if (piece.group < groups.size() / 2 && groups[2 * piece.group] != Regex::kUnset)
                writer.write(
                    subject.substr(groups[2 * piece.group], groups[2 * piece.group + 1] - groups[2 * piece.group]));
            break;
        case Piece::Kind::upper:
            writer.set_case('U');
            break;
        case Piece::Kind::lower:
            writer.set_case('L');
            break;
        case Piece::Kind::quote:
            writer.set_quote();
            break;
        case Piece::Kind::end:
            writer.end();
            break;
        case Piece::Kind::next_upper:
            writer.set_next('u');
            break;
        case Piece::Kind::next_lower:
            writer.set_next('l');
            break;
        }
    }
}

} // namespace mars::macros
