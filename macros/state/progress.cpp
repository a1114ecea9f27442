// SPDX-License-Identifier: GPL-2.0-or-later
// A bar that shows the progress of a replay, or of whatever is given. Spec: macro-language 2.8.
#include <algorithm>

#include "macros/language/evaluator.hpp"
#include "macros/state/rows.hpp"

namespace mars::macros {

namespace {

// The three numbers of the bar: the arguments, or the replay progress when none is given.
Flow progress_numbers(Evaluator& evaluator, const Call& call, double (&numbers)[3]) {
    std::vector<std::string> parts(3);
    if (call.args.size() < 2) {
        Value vector;
        MARS_FLOW(evaluator.invoke("summary-vector", vector));
        auto found = split(evaluator.regexes(), vector.str(), ":");
        parts = *found;
        parts.resize(3);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        Number number = Number::operand(parts[i]);
        if (call.args.size() >= 2) MARS_FLOW(evaluator.operand(call, i + 1, number));
        numbers[i] = number.as_real();
    }
    return Flow::normal;
}

void repeat(std::string& text, double count, char c) {
    if (count >= 1) text.append(static_cast<std::size_t>(count), c);
}

Flow progress_bar(Evaluator& evaluator, const Call& call, Value& out) {
    constexpr double kWidest = 100'000;
    Number length;
    double numbers[3];
    MARS_FLOW(evaluator.operand(call, 0, length));
    MARS_FLOW(progress_numbers(evaluator, call, numbers));
    double width = length.as_real();
    if (!(width > 0)) width = 20;
    if (width > kWidest) return evaluator.fail(call, "a progress bar has at most 100000 characters");
    double low = std::max(numbers[0], 0.0), middle = std::max(numbers[1], low),
           high = std::max({numbers[2], middle, 1.0});
    double done = width * low / high, known = width * middle / high;
    std::string& bar = out.own();
    bar += '[';
    repeat(bar, done - 1, '=');
    if (done < width) {
        bar += '>';
        done += 1;
    }
    if (done < known) repeat(bar, known - done, ':');
    if (known < width) repeat(bar, width - known, '.');
    bar += ']';
    return Flow::normal;
}

constexpr Primitive kProgressRows[] = {
    {"progress", "{width}[{done}{known}{all}]", 1, 4, false, true,
     "A progress bar. Without numbers it shows the replay position, as %summary-vector gives it.",
     "%progress{20}{25}{75}{100}", "[====>:::::::::.....]", progress_bar},
};

} // namespace

std::span<const Primitive> progress_primitives() {
    return kProgressRows;
}

} // namespace mars::macros
