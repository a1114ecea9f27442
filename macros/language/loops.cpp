// SPDX-License-Identifier: GPL-2.0-or-later
// Loops. Spec: macro-language 1.8, 2.11.
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

const Text kNothing; // the body of a loop that has none

enum class AfterBody : std::uint8_t { go_on, leave_loop, pass_on };

// What to do after a body ended with `flow`: %next and %last end here; the control variables are looked at.
AfterBody after_body(Evaluator& evaluator, Flow flow) {
    if (flow == Flow::last) return AfterBody::leave_loop;
    if (flow != Flow::normal && flow != Flow::next) return AfterBody::pass_on;
    Environment& env = evaluator.env();
    if (!env.loop_raised()) return AfterBody::go_on;
    bool leave = !env.take(kNext) && env.take(kLast);
    env.lower_loop();
    return leave ? AfterBody::leave_loop : AfterBody::go_on;
}

// Runs argument `body` once and appends its output. nullopt: the loop goes on.
std::optional<Flow> run_body(Evaluator& evaluator, const Call& call, std::size_t body, std::string& out) {
    Flow flow = evaluator.append(body < call.args.size() ? call.args[body] : kNothing, out);
    if (flow == Flow::normal && evaluator.grew_too_far(out.size())) flow = evaluator.fail_output(call);
    switch (after_body(evaluator, flow)) {
    case AfterBody::go_on:
        return std::nullopt;
    case AfterBody::leave_loop:
        return Flow::normal;
    case AfterBody::pass_on:
        break;
    }
    return flow;
}

Flow loop(Evaluator& evaluator, const Call& call, Value& out, bool until) {
    std::string& produced = out.own();
    for (Value condition;;) {
        MARS_FLOW(evaluator.arg(call, 0, condition));
        if (condition.truth() == until) return Flow::normal;
        MARS_FLOW(evaluator.count_round(call));
        if (auto end = run_body(evaluator, call, 1, produced)) return *end;
    }
}

Flow while_(Evaluator& evaluator, const Call& call, Value& out) {
    return loop(evaluator, call, out, false);
}
Flow until(Evaluator& evaluator, const Call& call, Value& out) {
    return loop(evaluator, call, out, true);
}

Flow for_(Evaluator& evaluator, const Call& call, Value& out) {
    std::string& produced = out.own();
    Value value;
    MARS_FLOW(evaluator.arg(call, 0, value));
    for (;;) {
        MARS_FLOW(evaluator.arg(call, 1, value));
        if (!value.truth()) return Flow::normal;
        MARS_FLOW(evaluator.count_round(call));
        if (auto end = run_body(evaluator, call, 3, produced)) return *end;
        MARS_FLOW(evaluator.arg(call, 2, value));
    }
}

Flow foreach (Evaluator& evaluator, const Call& call, Value & out) {
    std::string name, list, delimiter;
    MARS_FLOW(evaluator.arg(call, 0, name));
    MARS_FLOW(evaluator.arg(call, 1, list));
    MARS_FLOW(evaluator.arg(call, 2, delimiter));
    auto parts = split(evaluator.regexes(), list, delimiter);
    if (!parts) return evaluator.fail(call, message::cannot_split(delimiter));
    Slot slot = evaluator.names().slot(name);
    std::string& produced = out.own();
    for (auto& part : *parts) {
        evaluator.env().assign(slot, part);
        MARS_FLOW(evaluator.count_round(call));
        if (auto end = run_body(evaluator, call, 3, produced)) return *end;
    }
    return Flow::normal;
}

constexpr Primitive kLoopRows[] = {
    {"while", "{condition}{body}", 2, 2, true, false,
     "Repeats the body while the condition is true; yields all its outputs.", "%let{i}{3}%while{%{i}}{%{i}%{i}{--},}",
     "33,22,11,", while_},
    {"until", "{condition}{body}", 2, 2, true, false, "Repeats the body until the condition is true.",
     "%let{i}{0}%until{%=={%{i}}{3}}{%{i}{++};}", "0;1;2;", until},
    {"for", "{init}{condition}{step}{body}", 4, 4, true, false,
     "Evaluates init; then, while the condition is true, the body and the step. Only the body's output counts.",
     "%for{%let{i}{0}}{%<{%{i}}{4}}{%{i}{++}}{%{i},}", "0,1,2,3,", for_},
    {"foreach", "{variable}{list}{delimiter}{body}", 4, 4, true, false,
     "Evaluates the body for each element of the list, which is split at the delimiter, a regular expression. The "
     "variable "
     "keeps the last element.",
     "%foreach{v}{a,b,c}{,}{[%{v}]}", "[a][b][c]", foreach},
};

} // namespace

std::span<const Primitive> loop_primitives() {
    return kLoopRows;
}

} // namespace mars::macros
