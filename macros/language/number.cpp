// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/number.hpp"
#include "kernel/base/characters.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace mars::macros {

namespace {

__extension__ using Wide = __int128;

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;
constexpr std::uint64_t kExactReals = std::uint64_t{1} << 53;

std::size_t digit_run(std::string_view text, std::size_t from) {
    std::size_t end = from;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end - from;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i)
        if (to_lower(text[i]) != word[i]) return false;
    return true;
}

// Length of the decimal number at the start of `text` (no sign), 0 when there is none.
std::size_t decimal_length(std::string_view text) {
    std::size_t whole = digit_run(text, 0), end = whole, fraction = 0;
    if (end < text.size() && text[end] == '.') {
        fraction = digit_run(text, end + 1);
        if (whole + fraction == 0) return 0;
        end += 1 + fraction;
    }
    if (end == 0) return 0;
    if (end < text.size() && to_lower(text[end]) == 'e') {
        std::size_t sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? 1 : 0;
        if (std::size_t run = digit_run(text, end + 1 + sign)) end += 1 + sign + run;
    }
    return end;
}

Number exact_if_integral(double value) {
    if (value != std::trunc(value) || value < -kTwo63 || value >= kTwo64) return Number::real(value);
    if (value < 0) return Number::integer(static_cast<std::int64_t>(value));
    return Number::natural(static_cast<std::uint64_t>(value));
}

Number parse_real(std::string_view decimal, bool negative) {
    double value = 0;
    auto parsed = std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
    if (parsed.ec == std::errc::result_out_of_range) value = std::strtod(std::string(decimal).c_str(), nullptr);
    return exact_if_integral(negative ? -value : value);
}

Number from_wide(Wide value) {
    if (value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max())
        return Number::integer(static_cast<std::int64_t>(value));
    if (value > 0 && value <= std::numeric_limits<std::uint64_t>::max())
        return Number::natural(static_cast<std::uint64_t>(value));
    return Number::real(static_cast<double>(value));
}

Wide widen(Number n) {
    return n.kind() == Number::Kind::integer ? static_cast<Wide>(n.as_signed()) : static_cast<Wide>(n.as_bits());
}

bool fits_wide_product(Wide a, Wide b) {
    return !(a > std::numeric_limits<std::int64_t>::max() && b > std::numeric_limits<std::int64_t>::max());
}

} // namespace

Number Number::integer(std::int64_t value) {
    Number n;
    n.bits_ = static_cast<std::uint64_t>(value);
    return n;
}

Number Number::natural(std::uint64_t value) {
    Number n;
    n.bits_ = value;
    n.kind_ =
        value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ? Kind::natural : Kind::integer;
    return n;
}

Number Number::real(double value) {
    Number n;
    n.kind_ = Kind::real;
    n.real_ = value;
    return n;
}

Number Number::parse(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_white(text[at])) ++at;
    bool negative = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    text.remove_prefix(at);

    std::size_t length = decimal_length(text);
    if (length == 0) {
        if (starts_with_word(text, "inf")) return real(negative ? -INFINITY : INFINITY);
        if (starts_with_word(text, "nan")) return real(NAN);
        return {};
    }
    std::uint64_t value = 0;
    auto whole = std::from_chars(text.data(), text.data() + length, value);
    if (whole.ec == std::errc() && whole.ptr == text.data() + length) {
        if (!negative) return natural(value);
        if (value <= std::uint64_t{1} << 63) return integer(static_cast<std::int64_t>(0 - value));
        return real(-static_cast<double>(value));
    }
    return parse_real(text.substr(0, length), negative);
}

double Number::as_real() const {
    switch (kind_) {
    case Kind::integer:
        return static_cast<double>(as_signed());
    case Kind::natural:
        return static_cast<double>(bits_);
    default:
        return real_;
    }
}

std::uint64_t Number::as_bits() const {
    if (kind_ != Kind::real) return bits_;
    if (std::isnan(real_)) return 0;
    if (real_ >= kTwo64) return std::numeric_limits<std::uint64_t>::max();
    if (real_ < 0) return static_cast<std::uint64_t>(truncated());
    return static_cast<std::uint64_t>(real_);
}

std::int64_t Number::truncated() const {
    if (kind_ == Kind::integer) return as_signed();
    if (kind_ == Kind::natural) return std::numeric_limits<std::int64_t>::max();
    if (std::isnan(real_)) return 0;
    if (real_ >= kTwo63) return std::numeric_limits<std::int64_t>::max();
    if (real_ < -kTwo63) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(real_);
}

void Number::append_to(std::string& out) const {
    char buffer[40];
    std::to_chars_result end{};
    if (kind_ == Kind::integer) {
        end = std::to_chars(buffer, buffer + sizeof buffer, as_signed());
    } else if (kind_ == Kind::natural) {
        end = std::to_chars(buffer, buffer + sizeof buffer, bits_);
    } else if (std::isnan(real_)) {
        out += "NaN";
        return;
    } else if (std::isinf(real_)) {
        out += real_ < 0 ? "-Inf" : "Inf";
        return;
    } else {
        end = std::to_chars(buffer, buffer + sizeof buffer, real_, std::chars_format::general, 15);
    }
    out.append(buffer, end.ptr);
}

std::string Number::text() const {
    std::string out;
    append_to(out);
    return out;
}

Number operator+(Number a, Number b) {
    if (a.is_exact() && b.is_exact()) return from_wide(widen(a) + widen(b));
    return Number::real(a.as_real() + b.as_real());
}

Number operator-(Number a, Number b) {
    if (a.is_exact() && b.is_exact()) return from_wide(widen(a) - widen(b));
    return Number::real(a.as_real() - b.as_real());
}

Number operator*(Number a, Number b) {
    if (a.is_exact() && b.is_exact() && fits_wide_product(widen(a), widen(b))) return from_wide(widen(a) * widen(b));
    return Number::real(a.as_real() * b.as_real());
}

std::partial_ordering operator<=>(Number a, Number b) {
    if (a.is_exact() && b.is_exact()) return widen(a) <=> widen(b);
    return a.as_real() <=> b.as_real();
}

std::optional<Number> divide(Number a, Number b) {
    if (b.is_zero()) return std::nullopt;
    if (a.is_exact() && b.is_exact()) {
        Wide dividend = widen(a), divisor = widen(b);
        Wide magnitude = dividend < 0 ? -dividend : dividend;
        if (magnitude > static_cast<Wide>(kExactReals) && dividend % divisor == 0) return from_wide(dividend / divisor);
    }
    return Number::real(a.as_real() / b.as_real());
}

namespace {

std::optional<Number> modulus_of_reals(double a, double b) {
    a = std::trunc(a);
    b = std::trunc(b);
    if (b == 0) return std::nullopt;
    double rest = std::fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
    return exact_if_integral(rest);
}

} // namespace

std::optional<Number> modulus(Number a, Number b) {
    a = a.is_exact() ? a : exact_if_integral(std::trunc(a.as_real()));
    b = b.is_exact() ? b : exact_if_integral(std::trunc(b.as_real()));
    if (!a.is_exact() || !b.is_exact()) return modulus_of_reals(a.as_real(), b.as_real());
    Wide divisor = widen(b);
    if (divisor == 0) return std::nullopt;
    Wide rest = widen(a) % divisor;
    if (rest != 0 && (rest < 0) != (divisor < 0)) rest += divisor;
    return from_wide(rest);
}

Number shift_left(Number a, Number count) {
    std::int64_t by = count.truncated();
    std::uint64_t bits = a.as_bits();
    if (by <= -64 || by >= 64) return Number::integer(0);
    return Number::natural(by >= 0 ? bits << by : bits >> -by);
}

} // namespace mars::macros
