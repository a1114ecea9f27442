// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for messages and failures. Spec: macro-language 2.14.
#include "macros/language/evaluator.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

Flow warn(Evaluator& evaluator, const Call& call, Value&) {
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, text));
    evaluator.warn(text);
    return Flow::normal;
}

Flow die(Evaluator& evaluator, const Call& call, Value&) {
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, text));
    if (text.ends_with('\n')) text.pop_back(); // texts for release 0.1a end their line themselves
    return evaluator.fail(call, std::move(text));
}

constexpr Primitive kMessageRows[] = {
    {"warn*", "{text}", 1, 1, false, false,
     "Writes a warning to standard error. Yields nothing. Any name that begins with `warn` will do.", "%warn{hi}x", "x",
     warn},
    {"die", "{text}", 1, 1, false, false, "Ends the evaluation with a failure of that text.", "%if{0}{%die{oops}}{ok}",
     "ok", die},
};

} // namespace

std::span<const Primitive> message_primitives() {
    return kMessageRows;
}

} // namespace mars::macros
