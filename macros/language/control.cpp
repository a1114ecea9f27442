// SPDX-License-Identifier: GPL-2.0-or-later
// Control of evaluation: evaluating again or not at all, and leaving a text early. Spec: macro-language 1.8, 2.11.
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

Flow eval_rounds(Evaluator& evaluator, const Call& call, Value& out) {
    Value count;
    MARS_FLOW(evaluator.arg(call, 0, count));
    if (call.args.size() < 2) return evaluator.fail(call, message::undefined_result(call.name));
    Number left = count.number();
    out.borrow(call.args[1].source);
    for (bool first = true; left > Number(); left = left - Number::integer(1), first = false) {
        if (first)
            MARS_FLOW(evaluator.eval(call.args[1], out));
        else
            MARS_FLOW(evaluator.eval_result(call, out.take(), out));
        MARS_FLOW(evaluator.count_round(call));
    }
    return Flow::normal;
}

Flow eval_down(Evaluator& evaluator, const Call& call, Value& out) {
    std::string before(call.args[0].source);
    MARS_FLOW(evaluator.eval(call.args[0], out));
    for (std::string now = out.take(); now != before; now = out.take()) {
        before = now;
        MARS_FLOW(evaluator.eval_result(call, std::move(now), out));
        MARS_FLOW(evaluator.count_round(call));
    }
    out.set(std::move(before));
    return Flow::normal;
}

Flow protect(Evaluator&, const Call& call, Value& out) {
    out.borrow(call.args[0].source);
    return Flow::normal;
}

Flow tmp(Evaluator& evaluator, const Call& call, Value& out) {
    auto callers = evaluator.env().mark_callers();
    MARS_FLOW(evaluator.save_env(call));
    Flow flow = evaluator.arg(call, 0, out);
    evaluator.restore_env();
    evaluator.env().back_to(std::move(callers));
    return flow;
}

// Sets the variable of this primitive's own name, which is all that %return and its relatives did up to 0.1a.
void set_own_name(Evaluator& evaluator, const Call& call) {
    evaluator.env().touch(evaluator.names().slot(call.binding.entry->name)).set(1);
}

template<Flow Kind>
Flow leave(Evaluator& evaluator, const Call& call, Value&) {
    if (!evaluator.compat()) return Kind;
    set_own_name(evaluator, call);
    if (Kind == Flow::next || Kind == Flow::last) evaluator.env().touch(kReturn).set(1);
    return Flow::normal;
}

constexpr Primitive kControlRows[] = {
    {"eval", "{n}{body}", 2, 2, true, false, "Evaluates the body n times: each result is evaluated again.",
     "%eval{2}{\\%\\{host\\}}", "nodeb", eval_rounds},
    {"eval-down", "{body}", 1, 1, true, false, "Evaluates the body again and again until the text no longer changes.",
     "%eval-down{\\%\\{host\\}}", "nodeb", eval_down},
    {"protect", "{body}", 1, 1, true, true, "The body verbatim, unevaluated, escapes kept.", "%protect{%{host}}",
     "%{host}", protect},
    {"tmp", "{body}", 1, 1, true, false,
     "Evaluates the body with a copy of all variables; assignments there are lost afterwards.",
     "%let{x}{1}%tmp{%let{x}{2}%{x}}%{x}", "21", tmp},
    {"next", "{}", 0, 1, false, false, "Goes on with the next round of the innermost loop.",
     "%foreach{v}{1,2,3}{,}{%if{%=={%{v}}{2}}{%next{}}%{v}}", "13", leave<Flow::next>},
    {"last", "{}", 0, 1, false, false, "Leaves the innermost loop.", "%foreach{v}{1,2,3}{,}{%{v}%last{}x}", "1",
     leave<Flow::last>},
    {"return", "{}", 0, 1, false, false, "Ends the macro; what it has produced so far is its result.",
     "a%return{}b%{host}", "a", leave<Flow::leave>},
    {"abort", "{}", 0, 1, false, false, "Ends the macro; its result is empty.", "%tmp{a%abort{}b}", "",
     leave<Flow::abort>},
    {"stop=eval", "{}", 0, 1, false, false, "The rest of the text in which this stands is produced unevaluated.",
     "%if{1}{a%stop-eval{}b%{host}}", "ab%{host}", leave<Flow::stop>},
};

} // namespace

std::span<const Primitive> control_primitives() {
    return kControlRows;
}

} // namespace mars::macros
