// SPDX-License-Identifier: GPL-2.0-or-later
// Conditions and logic. Spec: macro-language 2.6, 2.10.
#include "macros/language/evaluator.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

// `negated`: unless. The part that is chosen passes its flow on together with what it produced.
Flow choose(Evaluator& evaluator, const Call& call, Value& out, bool negated) {
    Value condition;
    MARS_FLOW(evaluator.arg(call, 0, condition));
    if (condition.truth() == negated) return evaluator.arg(call, 2, out);
    if (call.args.size() < 2) return evaluator.fail(call, negated ? "undefined unless-part" : "undefined if-part");
    return evaluator.eval(call.args[1], out);
}

Flow if_(Evaluator& evaluator, const Call& call, Value& out) {
    return choose(evaluator, call, out, false);
}
Flow unless(Evaluator& evaluator, const Call& call, Value& out) {
    return choose(evaluator, call, out, true);
}

Flow choose_first(Evaluator& evaluator, const Call& call, Value& out, bool negated) {
    std::size_t at = 0;
    for (; at + 1 < call.args.size(); at += 2) {
        Value condition;
        MARS_FLOW(evaluator.arg(call, at, condition));
        if (condition.truth() != negated) return evaluator.eval(call.args[at + 1], out);
    }
    return evaluator.arg(call, at, out);
}

Flow elsif(Evaluator& evaluator, const Call& call, Value& out) {
    return choose_first(evaluator, call, out, false);
}
Flow elsunless(Evaluator& evaluator, const Call& call, Value& out) {
    return choose_first(evaluator, call, out, true);
}

// `stop_at`: the truth that ends the chain: false for and, true for or.
// Releases up to 0.1a also end it before an argument that is empty or "0" as written.
Flow chain(Evaluator& evaluator, const Call& call, Value& out, bool stop_at) {
    MARS_FLOW(evaluator.arg(call, 0, out));
    for (std::size_t i = 1; i < call.args.size(); ++i) {
        auto raw = call.args[i].source;
        if (evaluator.compat() && (raw.empty() || raw == "0")) return Flow::normal;
        if (out.truth() == stop_at) {
            out.set(stop_at ? 1 : 0);
            return Flow::normal;
        }
        MARS_FLOW(evaluator.arg(call, i, out));
    }
    return Flow::normal;
}

Flow and_(Evaluator& evaluator, const Call& call, Value& out) {
    return chain(evaluator, call, out, false);
}
Flow or_(Evaluator& evaluator, const Call& call, Value& out) {
    return chain(evaluator, call, out, true);
}

Flow not_(Evaluator& evaluator, const Call& call, Value& out) {
    MARS_FLOW(evaluator.arg(call, 0, out));
    out.set_flag(!out.truth());
    return Flow::normal;
}

constexpr Primitive kConditionRows[] = {
    {"if", "{condition}{then}[{else}]", 2, 3, true, true,
     "Evaluates `then` if the condition is true (neither empty nor 0), otherwise `else`.", "%if{0.0}{yes}{no}", "yes",
     if_},
    {"unless", "{condition}{then}[{else}]", 2, 3, true, true, "Like %if with the condition negated.",
     "%unless{0}{yes}{no}", "yes", unless},
    {"{elsif,elseif}", "{condition}{then}…[{else}]", 1, kAnyNumber, true, true,
     "Evaluates the part behind the first true condition; an odd last argument is the else part.",
     "%elsif{0}{a}{1}{b}{c}", "b", elsif},
    {"{elsunless,elseunless}", "{condition}{then}…[{else}]", 1, kAnyNumber, true, true,
     "Like %elsif with all conditions negated.", "%elsunless{1}{a}{0}{b}{c}", "b", elsunless},
    {"{&&,and}", "{a}{b}…", 1, kAnyNumber, true, true,
     "0 as soon as an operand with a successor is false; otherwise the last operand. Later operands are not evaluated.",
     "%and{1}{a}", "a", and_},
    {"{||,or}", "{a}{b}…", 1, kAnyNumber, true, true,
     "1 as soon as an operand with a successor is true; otherwise the last operand. Later operands are not evaluated.",
     "%or{0}{a}", "a", or_},
    {"{!,not}", "{a}", 1, 1, false, true, "1 if the operand is false, else empty.", "%not{0}", "1", not_},
};

} // namespace

std::span<const Primitive> condition_primitives() {
    return kConditionRows;
}

} // namespace mars::macros
