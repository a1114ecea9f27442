// SPDX-License-Identifier: GPL-2.0-or-later
// Arithmetic and bit operators. Spec: macro-language 2.3.
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

// The operand as it was written, up to the first comma; empty counts as 0. With one operand it is the result.
Flow written_operand(Evaluator& evaluator, const Call& call, std::size_t index, Value& out) {
    MARS_FLOW(evaluator.arg(call, index, out));
    if (out.is_integer()) return Flow::normal;
    Value::Buffer buffer;
    std::string_view text = out.view(buffer), kept = text.substr(0, text.find(','));
    if (kept.empty())
        out.set(0);
    else if (kept.size() != text.size())
        out.set(std::string(kept));
    return Flow::normal;
}

// Folds the operands from the left with `combine(Number, Number) -> Number or optional<Number>`.
template<class Combine>
Flow fold(Evaluator& evaluator, const Call& call, Value& out, Combine combine) {
    if (call.args.size() == 1) return written_operand(evaluator, call, 0, out);
    Number running, next;
    MARS_FLOW(evaluator.operand(call, 0, running));
    for (std::size_t i = 1; i < call.args.size(); ++i) {
        MARS_FLOW(evaluator.operand(call, i, next));
        std::optional<Number> combined = combine(running, next);
        if (!combined)
            return evaluator.fail(call, message::division_by_zero(call.name), std::errc::argument_out_of_domain);
        running = *combined;
    }
    out.set(running);
    return Flow::normal;
}

// Two integers whose result fits need no Number.
template<bool (*Compute)(std::int64_t, std::int64_t, std::int64_t*)>
bool quick(const Evaluator& evaluator, const Call& call, std::int64_t& out) {
    std::int64_t a = 0, b = 0;
    return call.args.size() == 2 && evaluator.quick_integer(call.args[0], a) &&
           evaluator.quick_integer(call.args[1], b) && Compute(a, b, &out);
}

bool quick_sum(std::int64_t a, std::int64_t b, std::int64_t* c) {
    return !__builtin_add_overflow(a, b, c);
}
bool quick_difference(std::int64_t a, std::int64_t b, std::int64_t* c) {
    return !__builtin_sub_overflow(a, b, c);
}
bool quick_product(std::int64_t a, std::int64_t b, std::int64_t* c) {
    return !__builtin_mul_overflow(a, b, c);
}

template<bool (*Compute)(std::int64_t, std::int64_t, std::int64_t*), class Combine>
Flow quick_or_fold(Evaluator& evaluator, const Call& call, Value& out, Combine combine) {
    std::int64_t result = 0;
    if (!quick<Compute>(evaluator, call, result)) return fold(evaluator, call, out, combine);
    out.set(result);
    return Flow::normal;
}

Flow add(Evaluator& evaluator, const Call& call, Value& out) {
    return quick_or_fold<quick_sum>(evaluator, call, out, [](Number a, Number b) { return a + b; });
}
Flow subtract(Evaluator& evaluator, const Call& call, Value& out) {
    return quick_or_fold<quick_difference>(evaluator, call, out, [](Number a, Number b) { return a - b; });
}
Flow multiply(Evaluator& evaluator, const Call& call, Value& out) {
    return quick_or_fold<quick_product>(evaluator, call, out, [](Number a, Number b) { return a * b; });
}
Flow divide_all(Evaluator& evaluator, const Call& call, Value& out) {
    return fold(evaluator, call, out, divide);
}
Flow modulus_all(Evaluator& evaluator, const Call& call, Value& out) {
    return fold(evaluator, call, out, modulus);
}
Flow shift_up(Evaluator& evaluator, const Call& call, Value& out) {
    return fold(evaluator, call, out, shift_left);
}
Flow shift_down(Evaluator& evaluator, const Call& call, Value& out) {
    return fold(evaluator, call, out,
                [](Number a, Number b) { return shift_left(a, Number::integer(0) - Number::integer(b.truncated())); });
}

// The extreme operand as it was written; ties keep the earlier one.
Flow extreme(Evaluator& evaluator, const Call& call, Value& out, bool largest) {
    MARS_FLOW(written_operand(evaluator, call, 0, out));
    for (std::size_t i = 1; i < call.args.size(); ++i) {
        Value next;
        MARS_FLOW(written_operand(evaluator, call, i, next));
        Number a = out.number(), b = next.number();
        if (largest ? a < b : b < a) {
            next.keep();
            out = std::move(next);
        }
    }
    return Flow::normal;
}

// Releases up to 0.1a exchange the two.
Flow smallest(Evaluator& evaluator, const Call& call, Value& out) {
    return extreme(evaluator, call, out, evaluator.compat());
}
Flow largest(Evaluator& evaluator, const Call& call, Value& out) {
    return extreme(evaluator, call, out, !evaluator.compat());
}

using BitOperator = std::uint64_t (*)(std::uint64_t, std::uint64_t);

std::uint64_t bit_and(std::uint64_t a, std::uint64_t b) {
    return a & b;
}
std::uint64_t bit_or(std::uint64_t a, std::uint64_t b) {
    return a | b;
}
std::uint64_t bit_xor(std::uint64_t a, std::uint64_t b) {
    return a ^ b;
}

// Combines the bytes of two texts; `shorter`: up to the shorter one's length, else padded with NUL bytes.
std::string combine_bytes(std::string_view a, std::string_view b, BitOperator combine, bool shorter) {
    std::string out(shorter ? std::min(a.size(), b.size()) : std::max(a.size(), b.size()), '\0');
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto x = i < a.size() ? static_cast<unsigned char>(a[i]) : 0U,
             y = i < b.size() ? static_cast<unsigned char>(b[i]) : 0U;
        out[i] = static_cast<char>(combine(x, y));
    }
    return out;
}

// Releases up to 0.1a work on the bytes of the operands unless one of them is empty or a result.
Flow combine_texts(Evaluator& evaluator, const Call& call, Value& out, BitOperator combine, bool shorter) {
    bool running_is_number = false;
    for (std::size_t i = 0; i < call.args.size(); ++i) {
        Value next;
        MARS_FLOW(evaluator.arg(call, i, next));
        Value::Buffer buffer, other;
        std::string text(next.view(buffer));
        text.resize(std::min(text.size(), text.find(',')));
        bool is_number = text.empty();
        if (is_number) text = "0";
        if (i == 0) {
            out.set(std::move(text));
            running_is_number = is_number;
        } else if (running_is_number || is_number) {
            out.set(Number::natural(combine(out.number().as_bits(), Number::parse(text).as_bits())));
            running_is_number = true;
        } else {
            out.set(combine_bytes(out.view(other), text, combine, shorter));
        }
    }
    return Flow::normal;
}

Flow combine_bits(Evaluator& evaluator, const Call& call, Value& out, BitOperator combine, bool shorter) {
    if (evaluator.compat()) return combine_texts(evaluator, call, out, combine, shorter);
    return fold(evaluator, call, out,
                [combine](Number a, Number b) { return Number::natural(combine(a.as_bits(), b.as_bits())); });
}

Flow and_bits(Evaluator& evaluator, const Call& call, Value& out) {
    return combine_bits(evaluator, call, out, bit_and, true);
}
Flow or_bits(Evaluator& evaluator, const Call& call, Value& out) {
    return combine_bits(evaluator, call, out, bit_or, false);
}
Flow xor_bits(Evaluator& evaluator, const Call& call, Value& out) {
    return combine_bits(evaluator, call, out, bit_xor, false);
}

Flow complement(Evaluator& evaluator, const Call& call, Value& out) {
    if (!evaluator.compat()) {
        Number number;
        MARS_FLOW(evaluator.operand(call, 0, number));
        out.set(Number::natural(~number.as_bits()));
        return Flow::normal;
    }
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, text));
    for (char& c : text) c = static_cast<char>(~c);
    out.set(std::move(text));
    return Flow::normal;
}

constexpr Primitive kArithmetic[] = {
    {"+", "{a}{b}…", 1, kAnyNumber, false, true,
     "Sum. Operands of all arithmetic are the longest numeric beginning of the text before a comma; integers of 64 "
     "bits are "
     "exact, everything else is a double.",
     "%+{1}{2}{3}{4}", "10", add, Unit::nothing, false, quick<quick_sum>},
    {"-", "{a}{b}…", 1, kAnyNumber, false, true, "Difference, from the left.", "%-{10}{3}{2}", "5", subtract,
     Unit::nothing, false, quick<quick_difference>},
    {"*", "{a}{b}…", 1, kAnyNumber, false, true, "Product.", "%*{2}{3}{4}", "24", multiply, Unit::nothing, false,
     quick<quick_product>},
    {"/", "{a}{b}…", 1, kAnyNumber, false, true, "Quotient, from the left. Division by zero fails.", "%/{10}{4}", "2.5",
     divide_all},
    {"%", "{a}{b}…", 1, kAnyNumber, false, true,
     "Integer modulus with the sign of the right operand. Operands are truncated; a zero one on the right fails.",
     "%%{-10}{3}", "2", modulus_all},
    {"<<", "{a}{count}…", 1, kAnyNumber, false, true,
     "64-bit unsigned shift to the left; a negative count shifts to the right.", "%<<{1}{63}", "9223372036854775808",
     shift_up},
    {">>", "{a}{count}…", 1, kAnyNumber, false, true, "64-bit unsigned shift to the right.", "%>>{16}{2}", "4",
     shift_down},
    {"min", "{a}{b}…", 1, kAnyNumber, false, true, "The smallest operand, as it was written.", "%min{3}{5}{1}", "1",
     smallest},
    {"max", "{a}{b}…", 1, kAnyNumber, false, true, "The largest operand, as it was written.", "%max{3}{5}{1}", "5",
     largest},
    {"&", "{a}{b}…", 1, kAnyNumber, false, true, "Bitwise and of 64-bit integers.", "%&{12}{10}", "8", and_bits},
    {"|", "{a}{b}…", 1, kAnyNumber, false, true, "Bitwise or of 64-bit integers.", "%|{12}{3}", "15", or_bits},
    {"^", "{a}{b}…", 1, kAnyNumber, false, true, "Bitwise exclusive or of 64-bit integers.", "%^{6}{3}", "5", xor_bits},
    {"~", "{a}", 1, 1, false, true, "Bitwise complement of a 64-bit integer.", "%~{0}", "18446744073709551615",
     complement},
};

} // namespace

std::span<const Primitive> arithmetic_primitives() {
    return kArithmetic;
}

} // namespace mars::macros
