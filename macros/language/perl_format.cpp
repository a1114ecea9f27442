// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/perl_format.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "kernel/base/characters.hpp"
#include "macros/language/number.hpp"

namespace mars::macros {

namespace {

struct Conversion {
    bool left = false, plus = false, zero = false, alternate = false, blank = false, vector = false;
    int width = 0;
    std::optional<int> precision;
    char letter = '\0';
    std::size_t index = 0; // explicit argument, from 1; 0: the next one
};

class Formatter {
  public:
    Formatter(std::string_view format, const std::vector<std::string>& args, std::size_t limit)
        : format_(format), args_(args), limit_(limit) {}

    std::string run() {
        while (at_ < format_.size() && out_.size() <= limit_) {
            std::size_t begin = at_;
            if (format_[at_] != '%')
                out_ += format_[at_++];
            else if (!conversion())
                out_ += format_.substr(begin, at_ - begin);
        }
        return std::move(out_);
    }

  private:
    char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }
    bool accept(char c) {
        if (at_ >= format_.size() || format_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string_view argument(std::size_t index) {
        std::size_t i = index ? index - 1 : next_++;
        return i < args_.size() ? std::string_view(args_[i]) : std::string_view();
    }

    // A decimal number; nullopt when there is none or it is too large.
    std::optional<int> decimal() {
        int value = 0;
        auto parsed = std::from_chars(format_.data() + at_, format_.data() + format_.size(), value);
        if (!is_digit(peek())) return std::nullopt;
        at_ = static_cast<std::size_t>(parsed.ptr - format_.data());
        return parsed.ec == std::errc() ? value : kMaxFormatWidth + 1;
    }
    // "N$": an explicit argument number; 0 when there is none.
    std::size_t explicit_index() {
        std::size_t begin = at_;
        auto number = decimal();
        if (number && *number > 0 && accept('$')) return static_cast<std::size_t>(*number);
        at_ = begin;
        return 0;
    }
    void flags(Conversion& c) {
        for (;; ++at_) {
            switch (peek()) {
            case '-':
                c.left = true;
                break;
            case '+':
                c.plus = true;
                break;
            case '0':
                c.zero = true;
                break;
            case '#':
                c.alternate = true;
                break;
            case ' ':
                c.blank = true;
                break;
            default:
                return;
            }
        }
    }
    int star() {
        std::int64_t value = Number::parse(argument(explicit_index())).truncated();
        return static_cast<int>(std::clamp<std::int64_t>(value, -kMaxFormatWidth - 1, kMaxFormatWidth + 1));
    }
    void width(Conversion& c) {
        c.width = accept('*') ? star() : decimal().value_or(0);
        if (c.width < 0) {
            c.left = true;
            c.width = -c.width;
        }
    }
    void precision(Conversion& c) {
        if (!accept('.')) return;
        int value = accept('*') ? star() : decimal().value_or(0);
        if (value >= 0) c.precision = value;
    }
    void size_letters() {
        while (std::string_view("hlqLVzt").find(peek()) != std::string_view::npos && at_ < format_.size()) ++at_;
    }

    bool conversion() {
        ++at_;
        if (accept('%')) {
            out_ += '%';
            return true;
        }
        Conversion c;
        c.index = explicit_index();
        flags(c);
        c.vector = accept('v');
        width(c);
        precision(c);
        size_letters();
        if (at_ >= format_.size()) return false;
        c.letter = format_[at_++];
        if (c.width > kMaxFormatWidth || c.precision.value_or(0) > kMaxFormatWidth) return false;
        return write(c);
    }

    bool write(const Conversion& c) {
        bool integer = std::string_view("diDuUoOxXbB").find(c.letter) != std::string_view::npos;
        if (integer && c.vector) return vector(c), true;
        if (integer) return write_integer(c, Number::parse(argument(c.index))), true;
        switch (c.letter) {
        case 's':
            text(c, argument(c.index));
            return true;
        case 'c':
            character(c);
            return true;
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
            real(c);
            return true;
        default:
            return false;
        }
    }

    void pad(const Conversion& c, std::string_view text, char fill) {
        std::size_t width = static_cast<std::size_t>(c.width), missing = width > text.size() ? width - text.size() : 0;
        if (!c.left) out_.append(missing, fill);
        out_ += text;
        if (c.left) out_.append(missing, ' ');
    }
    void text(const Conversion& c, std::string_view value) {
        if (c.precision) value = value.substr(0, static_cast<std::size_t>(*c.precision));
        pad(c, value, c.zero ? '0' : ' ');
    }
    void character(const Conversion& c) {
        std::int64_t code = Number::parse(argument(c.index)).truncated();
        std::string byte(1, static_cast<char>(code & 0xff));
        pad(c, byte, c.zero ? '0' : ' ');
    }

    // Sign or base prefix, zeros up to the precision or width, digits.
    void digits(const Conversion& c, std::string prefix, std::string_view number) {
        std::string body(number);
        if (c.precision && body.size() < static_cast<std::size_t>(*c.precision))
            body.insert(0, static_cast<std::size_t>(*c.precision) - body.size(), '0');
        if (c.precision && *c.precision == 0 && number == "0") body.clear();
        std::size_t width = static_cast<std::size_t>(c.width);
        if (c.zero && !c.left && !c.precision && prefix.size() + body.size() < width)
            body.insert(0, width - prefix.size() - body.size(), '0');
        pad(c, prefix + body, ' ');
    }
    static std::string sign(const Conversion& c, bool negative) {
        return negative ? "-" : c.plus ? "+" : c.blank ? " " : "";
    }
    void write_integer(const Conversion& c, Number value) {
        if (!value.is_exact() && !std::isfinite(value.as_real())) {
            std::string word = value.text();
            return pad(c, word.front() == '-' || std::isnan(value.as_real()) ? word : sign(c, false) + word, ' ');
        }
        std::uint64_t bits = value.as_bits();
        char buffer[80];
        if (c.letter == 'd' || c.letter == 'i' || c.letter == 'D') {
            bool negative = std::bit_cast<std::int64_t>(bits) < 0;
            auto end = std::to_chars(buffer, buffer + sizeof buffer, negative ? 0 - bits : bits);
            return digits(c, sign(c, negative), {buffer, static_cast<std::size_t>(end.ptr - buffer)});
        }
        char low = static_cast<char>(c.letter | 0x20);
        int base = low == 'x' ? 16 : low == 'o' ? 8 : low == 'b' ? 2 : 10;
        auto end = std::to_chars(buffer, buffer + sizeof buffer, bits, base);
        std::string number(buffer, end.ptr);
        if (c.letter == 'X')
            for (char& digit : number) digit = digit >= 'a' ? static_cast<char>(digit - 32) : digit;
        std::string prefix;
        if (c.alternate && bits && (low == 'x' || low == 'b')) prefix = std::string("0") + c.letter;
        if (c.alternate && low == 'o' && number.front() != '0') number.insert(0, 1, '0');
        digits(c, prefix, number);
    }
    // The ordinal of every byte, each formatted on its own, joined with dots.
    void vector(const Conversion& c) {
        std::string_view bytes = argument(c.index);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (i) out_ += '.';
            write_integer(c, Number::integer(static_cast<unsigned char>(bytes[i])));
        }
    }
    void real(const Conversion& c) {
        double value = Number::parse(argument(c.index)).as_real();
        if (!std::isfinite(value)) {
            std::string word = Number::real(value).text();
            return pad(c, value < 0 || std::isnan(value) ? word : sign(c, false) + word, ' ');
        }
        char format[] = {'%', c.alternate ? '#' : '-', '.', '*', c.letter, '\0'};
        int precision = c.precision.value_or(6);
        int length = std::snprintf(nullptr, 0, format, precision, std::fabs(value));
        std::string body(static_cast<std::size_t>(length) + 1, '\0');
        std::snprintf(body.data(), body.size(), format, precision, std::fabs(value));
        body.pop_back();
        std::string prefix = sign(c, std::signbit(value));
        std::size_t width = static_cast<std::size_t>(c.width);
        if (c.zero && !c.left && prefix.size() + body.size() < width)
            body.insert(0, width - prefix.size() - body.size(), '0');
        pad(c, prefix + body, ' ');
    }

    std::string_view format_;
    const std::vector<std::string>& args_;
    std::size_t limit_;
    std::size_t at_ = 0, next_ = 0;
    std::string out_;
};

} // namespace

std::string perl_format(std::string_view format, const std::vector<std::string>& args, std::size_t limit) {
    return Formatter(format, args, limit).run();
}

} // namespace mars::macros
