// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that call macros by computed names. Spec: macro-language 2.12.
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

Flow call_named(Evaluator& evaluator, const Call& call, Value& out, Evaluator::Scope scope) {
    std::string name;
    MARS_FLOW(evaluator.arg(call, 0, name));
    const Macro* macro = evaluator.macros().find(name);
    if (!macro) return evaluator.fail(call, message::cannot_find_macro(name));
    return evaluator.enter(call, *macro, 1, scope, out);
}

Flow call_(Evaluator& evaluator, const Call& call, Value& out) {
    return call_named(evaluator, call, out, Evaluator::Scope::copied);
}

Flow include(Evaluator& evaluator, const Call& call, Value& out) {
    return call_named(evaluator, call, out, Evaluator::Scope::shared);
}

Flow callstack(Evaluator& evaluator, const Call&, Value& out) {
    out.set(evaluator.env().text(kCallstack));
    return Flow::normal;
}

constexpr Primitive kCallRows[] = {
    {"call", "{name}[{argument}…]", 1, kAnyNumber, false, false,
     "Evaluates the macro of that name with a copy of all variables; %{1}… are the arguments, %{0} the name.",
     "%call{state}", "NYI Please override macro %state{}", call_},
    {"include", "{name}[{argument}…]", 1, kAnyNumber, false, false,
     "Evaluates the macro of that name with the present variables; %{0}, %{1}… keep their new values.",
     "%include{state}{a}|%{1}", "NYI Please override macro %state{}|a", include},
    {"callstack", "{}", 0, 1, false, true, "The chain of macros being evaluated, comma-separated.", "%callstack{}",
     "default", callstack},
};

} // namespace

std::span<const Primitive> call_primitives() {
    return kCallRows;
}

} // namespace mars::macros
