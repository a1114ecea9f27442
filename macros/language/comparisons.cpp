// SPDX-License-Identifier: GPL-2.0-or-later
// Comparisons of numbers and of texts. Spec: macro-language 2.4.
#include <compare>

#include "macros/language/evaluator.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

using Ordering = std::partial_ordering;

template<bool (*Holds)(Ordering)>
Flow compare_numbers(Evaluator& evaluator, const Call& call, Value& out) {
    std::int64_t left = 0, right = 0;
    if (call.args.size() >= 2 && evaluator.quick_integer(call.args[0], left) &&
        evaluator.quick_integer(call.args[1], right)) {
        out.set_flag(Holds(left <=> right));
        return Flow::normal;
    }
    Number a, b;
    MARS_FLOW(evaluator.operand(call, 0, a));
    MARS_FLOW(evaluator.operand(call, 1, b));
    out.set_flag(Holds(a <=> b));
    return Flow::normal;
}

template<bool (*Holds)(Ordering)>
Flow compare_texts(Evaluator& evaluator, const Call& call, Value& out) {
    Value a, b;
    MARS_FLOW(evaluator.arg(call, 0, a));
    MARS_FLOW(evaluator.arg(call, 1, b));
    Value::Buffer left, right;
    out.set_flag(Holds(a.view(left).compare(b.view(right)) <=> 0));
    return Flow::normal;
}

bool equal(Ordering o) {
    return o == 0;
}
bool unequal(Ordering o) {
    return o != 0;
}
bool less(Ordering o) {
    return o < 0;
}
bool less_equal(Ordering o) {
    return o <= 0;
}
bool greater(Ordering o) {
    return o > 0;
}
bool greater_equal(Ordering o) {
    return o >= 0;
}

constexpr Primitive kComparisons[] = {
    {"==", "{a}{b}", 2, 2, false, true, "1 if the numbers are equal, else empty.", "%=={1.0}{1}", "1",
     compare_numbers<equal>},
    {"!=", "{a}{b}", 2, 2, false, true, "1 if the numbers differ, else empty.", "%!={1}{2}", "1",
     compare_numbers<unequal>},
    {"<", "{a}{b}", 2, 2, false, true, "1 if the first number is smaller, else empty.", "%<{9}{10}", "1",
     compare_numbers<less>},
    {"<=", "{a}{b}", 2, 2, false, true, "1 if the first number is not greater, else empty.", "%<={2}{2}", "1",
     compare_numbers<less_equal>},
    {">", "{a}{b}", 2, 2, false, true, "1 if the first number is greater, else empty.", "[%>{9}{10}]", "[]",
     compare_numbers<greater>},
    {">=", "{a}{b}", 2, 2, false, true, "1 if the first number is not smaller, else empty.", "%>={2}{2}", "1",
     compare_numbers<greater_equal>},
    {"eq", "{a}{b}", 2, 2, false, true, "1 if the texts are equal, else empty.", "[%eq{1}{1.0}]", "[]",
     compare_texts<equal>},
    {"ne", "{a}{b}", 2, 2, false, true, "1 if the texts differ, else empty.", "%ne{1}{1.0}", "1",
     compare_texts<unequal>},
    {"lt", "{a}{b}", 2, 2, false, true, "1 if the first text comes before the second one bytewise, else empty.",
     "%lt{10}{9}", "1", compare_texts<less>},
    {"le", "{a}{b}", 2, 2, false, true, "1 if the first text comes before or is equal, else empty.", "%le{a}{a}", "1",
     compare_texts<less_equal>},
    {"gt", "{a}{b}", 2, 2, false, true, "1 if the first text comes after the second one, else empty.", "%gt{b}{a}", "1",
     compare_texts<greater>},
    {"ge", "{a}{b}", 2, 2, false, true, "1 if the first text comes after or is equal, else empty.", "[%ge{a}{b}]", "[]",
     compare_texts<greater_equal>},
};

} // namespace

std::span<const Primitive> comparison_primitives() {
    return kComparisons;
}

} // namespace mars::macros
