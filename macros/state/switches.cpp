// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for switches (`todo`) and what became of them (`actual`). Spec: macro-language 3.1, 3.5.
#include "macros/state/switches.hpp"
#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

std::string todo_key(const std::string& host, std::string_view name) {
    if (name == "fetch") name = "connect";
    if (name == "replay" || name == "apply") name = "allow-replay";
    return "todo-" + host + "/" + std::string(name);
}

std::string actual_key(const std::string& host, std::string_view name) {
    static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"attach", "is-attached"},   {"fetch", "is-copying"},       {"replay", "is-replaying"},
        {"apply", "is-replaying"},   {"sync", "is-syncing"},        {"primary", "is-primary"},
        {"secondary", "is-primary"}, {"emergency", "has-emergency"}};
    std::string key = "actual-" + host + "/";
    for (auto& [short_name, link] : kNames)
        if (name == short_name) return key.append(link);
    return key.append("is-").append(name);
}

Flow peer_argument(Evaluator& evaluator, const Call& call, std::size_t index, std::string& host) {
    Value value;
    MARS_FLOW(evaluator.arg(call, index, value));
    host = value.truth() ? value.take() : state_of(evaluator).host();
    return Flow::normal;
}

namespace {

std::string actual(const State& state, const std::string& host, std::string_view name) {
    return state.checked(state.in_resource(actual_key(host, name)));
}

Flow todo_value(Evaluator& evaluator, std::string_view name, Value& out) {
    const State& state = state_of(evaluator);
    bool designation = name == "primary" || name == "secondary";
    out.set(state.checked(state.in_resource(designation ? "primary" : todo_key(state.host(), name))));
    return Flow::normal;
}

Flow todo_switch(Evaluator& evaluator, const Call& call, Value& out) {
    return todo_value(evaluator, choice(call), out);
}

Flow todo_named(Evaluator& evaluator, const Call& call, Value& out) {
    std::string name;
    MARS_FLOW(evaluator.arg(call, 0, name));
    return todo_value(evaluator, name, out);
}

Flow is_switch(Evaluator& evaluator, const Call& call, Value& out) {
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    out.set(actual(state_of(evaluator), host, choice(call)));
    return Flow::normal;
}

Flow is_secondary(Evaluator& evaluator, const Call& call, Value& out) {
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    out.set(is_true(actual(state_of(evaluator), host, "primary")) ? 0 : 1);
    return Flow::normal;
}

Flow number_with(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    bool wanted = choice(call) != "secondary";
    std::int64_t count = 0;
    for (auto& host : state.members()) count += is_true(actual(state, host, choice(call))) == wanted;
    out.set(count);
    return Flow::normal;
}

Flow does(Evaluator& evaluator, const Call& call, Value& out) {
    std::string name;
    MARS_FLOW(evaluator.arg(call, 0, name));
    out.set(actual(state_of(evaluator), state_of(evaluator).host(), name));
    return Flow::normal;
}

Flow is_alive(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    Value given;
    MARS_FLOW(evaluator.arg(call, 0, given));
    std::string host = given.truth() ? given.take() : std::string();
    if (host.empty()) MARS_FLOW(state.designated_primary(host));
    if (host.empty()) host = state.host();
    out.set(state.is_heard(host, state.checked("actual-" + host + "/time")));
    return Flow::normal;
}

Flow own_value(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    out.set(state.optional(state.in_resource("actual-" + state.host() + "/" + call.binding.entry->name)));
    return Flow::normal;
}

constexpr Primitive kSwitchStateRows[] = {
    {"todo-{attach,sync,fetch,replay}", "{}", 0, 1, false, true, "The switch as it was set: 1 or 0.", "%todo-attach{}",
     "1", todo_switch, Unit::flag, true},
    {"todo", "{name}", 1, 1, false, true,
     "The switch of that name; `primary` and `secondary` give the designated primary.", "%todo{primary}", "nodea",
     todo_named},
    {"is-{attach,sync,fetch,replay,primary,emergency}", "[{host}]", 0, 1, false, true,
     "What the host (default: the acting one) really does: 1 or 0.", "%is-primary{nodea}", "1", is_switch, Unit::flag,
     true},
    {"is-secondary", "[{host}]", 0, 1, false, true, "0 if the host is really primary, else 1.", "%is-secondary{}", "1",
     is_secondary, Unit::flag, true},
    {"nr-{attach,sync,fetch,replay,primary,secondary}", "{}", 0, 1, false, true, "How many members do this.",
     "%nr-primary{}", "1", number_with, Unit::count, true},
    {"does", "{name}", 1, 1, false, true, "What the acting host really does, by name of the switch.", "%does{attach}",
     "1", does},
    {"is-alive", "[{host}]", 0, 1, false, true,
     "1 if the host (default: the designated primary) was heard of within the window, else 0.", "%is-alive{}", "1",
     is_alive, Unit::flag, true},
    {"replay-code", "{}", 0, 1, false, true,
     "State of the replay: empty unknown, 0 idle, 1 running, 2 finished, negative an error code.", "%replay-code{}",
     "1", own_value, Unit::code, true},
    {"disk-error", "{}", 0, 1, false, true, "Latest error code of the disk.", "[%disk-error{}]", "[]", own_value,
     Unit::code, true},
};

} // namespace

std::span<const Primitive> switch_state_primitives() {
    return kSwitchStateRows;
}

} // namespace mars::macros
