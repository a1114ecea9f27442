// SPDX-License-Identifier: GPL-2.0-or-later
// Loops and control of evaluation. Spec: macro-language 1.8, 2.11.
#include "macros/evaluator.hpp"
#include "macros/glob.hpp"
#include "macros/messages.hpp"

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

Flow get_glob(Evaluator& evaluator, const Call& call, Value& out) {
    std::string patterns, ignored, delimiter;
    MARS_FLOW(evaluator.arg(call, 0, patterns));
    MARS_FLOW(evaluator.arg(call, 1, ignored));
    MARS_FLOW(evaluator.arg(call, 2, delimiter));
    std::string& joined = out.own();
    bool first = true;
    auto paths = glob_paths(evaluator, patterns);
    if (!paths) return evaluator.fail(call, paths.error().text);
    for (auto& path : *paths) {
        joined.append(first ? "" : delimiter).append(path);
        if (evaluator.grew_too_far(joined.size())) return evaluator.fail_output(call);
        first = false;
    }
    return Flow::normal;
}

Flow foreach_glob(Evaluator& evaluator, const Call& call, Value& out) {
    std::string patterns, name;
    MARS_FLOW(evaluator.arg(call, 0, patterns));
    MARS_FLOW(evaluator.arg(call, 1, name));
    Slot slot = evaluator.names().slot(name);
    std::string& produced = out.own();
    auto paths = glob_paths(evaluator, patterns);
    if (!paths) return evaluator.fail(call, paths.error().text);
    for (auto& path : *paths) {
        evaluator.env().assign(slot, path);
        MARS_FLOW(evaluator.count_round(call));
        Flow flow = evaluator.append(call.args.size() > 2 ? call.args[2] : kNothing, produced);
        if (flow == Flow::last) return Flow::normal;
        if (flow != Flow::normal && flow != Flow::next) return flow;
        if (evaluator.grew_too_far(produced.size())) return evaluator.fail_output(call);
    }
    return Flow::normal;
}

Flow eval_rounds(Evaluator& evaluator, const Call& call, Value& out) {
    Value count;
    MARS_FLOW(evaluator.arg(call, 0, count));
    if (call.args.size() < 2)
        return evaluator.fail(call,
                              "undefined result from evaluation of primitive macro '" + std::string(call.name) + "'");
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
    {"get-glob", "{patterns}{}{delimiter}", 3, 3, false, false,
     "Names matching the shell patterns, joined with the delimiter. A pattern without wildcard is returned as it is.",
     "%get-glob{/mars/ips/*}{}{,}", "/mars/ips/ip-nodea,/mars/ips/ip-nodeb", get_glob},
    {"foreach-glob", "{patterns}{variable}{body}", 3, 3, true, false,
     "Evaluates the body for each name that %get-glob would give.", "%foreach-glob{/mars/ips/*}{p}{<%{p}>}",
     "</mars/ips/ip-nodea></mars/ips/ip-nodeb>", foreach_glob},
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

std::span<const Primitive> loop_primitives() {
    return kLoopRows;
}

} // namespace mars::macros
