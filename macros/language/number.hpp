// SPDX-License-Identifier: GPL-2.0-or-later
// Number: the numeric reading of a macro value: an exact integer of the signed or unsigned 64-bit range, or a double.
// Conversion from text takes the longest valid prefix and never fails; printing gives integers in full and doubles with
// 15 significant digits. Spec: macro-language 1.7, 2.3. Tests: tests/unit/macros/number_test.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mars::macros {

class Number {
  public:
    enum class Kind : std::uint8_t { integer, natural, real }; // natural: an integer above the signed range

    Number() = default;
    static Number integer(std::int64_t value);
    static Number natural(std::uint64_t value); // becomes `integer` when it fits
    static Number real(double value);

    // Longest valid prefix of `text`; 0 when there is none. An integral value inside the 64-bit ranges is exact.
    static Number parse(std::string_view text);
    // The same after dropping the text from the first comma on: a "numeric operand".
    static Number operand(std::string_view text) { return parse(text.substr(0, text.find(','))); }

    Kind kind() const { return kind_; }
    bool is_exact() const { return kind_ != Kind::real; }
    bool fits_signed() const { return kind_ == Kind::integer; }
    bool is_zero() const { return kind_ == Kind::real ? real_ == 0 : bits_ == 0; }

    std::int64_t as_signed() const { return static_cast<std::int64_t>(bits_); } // only when fits_signed()
    double as_real() const;
    // Truncates toward zero and saturates at the ends of the 64-bit ranges; negative values count modulo 2^64.
    std::uint64_t as_bits() const;
    // Truncates toward zero and saturates at the signed range.
    std::int64_t truncated() const;

    std::string text() const;
    void append_to(std::string& out) const;

    friend Number operator+(Number a, Number b);
    friend Number operator-(Number a, Number b);
    friend Number operator*(Number a, Number b);
    friend std::partial_ordering operator<=>(Number a, Number b);
    friend bool operator==(Number a, Number b) { return (a <=> b) == 0; }

  private:
    Kind kind_ = Kind::integer;
    std::uint64_t bits_ = 0; // integer: two's complement; natural: the value
    double real_ = 0;
};

// nullopt: division by zero.
std::optional<Number> divide(Number a, Number b);
// Integer modulus with the sign of `b`; nullopt when `b` truncates to zero.
std::optional<Number> modulus(Number a, Number b);
// Shifts left by `count` (right when negative) as unsigned 64-bit; counts of 64 and more give 0.
Number shift_left(Number a, Number count);

} // namespace mars::macros
