// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for time and waiting. Spec: macro-language 2.13.
#include <algorithm>

#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"
#include "macros/state/switches.hpp"

namespace mars::macros {

namespace {

Flow time(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).now().text());
    return Flow::normal;
}

Flow real_time(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).system_time().sec);
    return Flow::normal;
}

Flow pause(Evaluator& evaluator, const Call& call, std::int64_t seconds) {
    if (seconds <= 0) return Flow::normal;
    auto slept = evaluator.outside().sleep(seconds);
    state_of(evaluator).forget();
    return slept ? Flow::normal : evaluator.fail(call, slept.error().text);
}

Flow sleep(Evaluator& evaluator, const Call& call, Value&) {
    Value seconds;
    MARS_FLOW(evaluator.arg(call, 0, seconds));
    return pause(evaluator, call, seconds.number().truncated());
}

// Pauses within the budget of the run.
Flow pause_in_budget(Evaluator& evaluator, const Call& call, std::int64_t seconds) {
    if (state_of(evaluator).wait_budget() <= 0) return evaluator.fail(call, "Timeout reached.", std::errc::timed_out);
    seconds = std::min(seconds, state_of(evaluator).wait_budget());
    state_of(evaluator).wait_budget() -= seconds;
    return pause(evaluator, call, seconds);
}

Flow timeout(Evaluator& evaluator, const Call& call, Value&) {
    Value seconds;
    MARS_FLOW(evaluator.arg(call, 0, seconds));
    std::int64_t wanted = seconds.number().truncated();
    return pause_in_budget(evaluator, call, wanted ? wanted : 1);
}

// What a wait looks at.
struct WaitFor {
    bool actual = false; // what the host does, not what was asked for
    std::string name;    // of the link for `actual`, else of the switch
    bool on = true;
};

constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"attach", "attach"},       {"attached", "attach"}, {"sync", "sync"},        {"syncing", "sync"},
    {"fetch", "fetch"},         {"fetching", "fetch"},  {"copy", "fetch"},       {"copying", "fetch"},
    {"connect", "fetch"},       {"replay", "replay"},   {"replaying", "replay"}, {"primary", "primary"},
    {"secondary", "secondary"}, {"device", "device"}};

std::optional<WaitFor> parse_wait(std::string_view spec) {
    WaitFor wait;
    for (auto& [prefix, actual] : {std::pair{"is-", true}, {"has-", true}, {"todo-", false}}) {
        if (!spec.starts_with(prefix)) continue;
        wait.actual = actual;
        spec.remove_prefix(std::string_view(prefix).size());
        break;
    }
    for (auto& [suffix, on] : {std::pair{"-on", true}, {"-1", true}, {"-off", false}, {"-0", false}}) {
        if (!spec.ends_with(suffix)) continue;
        wait.on = on;
        spec.remove_suffix(std::string_view(suffix).size());
        break;
    }
    for (auto& [word, name] : kNames)
        if (spec == word) wait.name = name;
    if (wait.name.empty() || (wait.name == "device" && !wait.actual)) return std::nullopt;
    return wait;
}

// The path that is shown, and the value to compare with "1" or "0".
Flow observe(Evaluator& evaluator, const WaitFor& wait, std::string& path, bool& value) {
    State& state = state_of(evaluator);
    bool designation = wait.name == "primary" || wait.name == "secondary";
    if (wait.name == "device") {
        path = state.device_path();
        value = is_true(state.device_present());
    } else if (wait.actual) {
        path = state.in_resource(actual_key(state.host(), wait.name));
        value = is_true(state.optional(path));
    } else if (designation) {
        std::string primary;
        path = state.in_named_resource("primary");
        MARS_FLOW(state.designated_primary(primary));
        value = primary == state.host();
    } else {
        path = state.in_resource(todo_key(state.host(), wait.name));
        value = is_true(state.optional(path));
    }
    // Releases up to 0.1a forget to turn this round.
    if (wait.name == "secondary" && !evaluator.compat()) value = !value;
    if (!path.starts_with('/')) path.insert(0, state_of(evaluator).context().mars_dir + "/");
    return Flow::normal;
}

std::string waiting_line(Evaluator& evaluator, const WaitFor& wait, const std::string& path) {
    std::string budget = std::to_string(state_of(evaluator).wait_budget()), wanted = wait.on ? "'1'" : "'0'";
    if (!wait.actual) return "waiting " + budget + " until switch '" + wait.name + "' == " + wanted + "....\n";
    return "at " + state_of(evaluator).host() + ": waiting " + budget + " until actual '" +
           path.substr(path.rfind('/') + 1) + "' == " + wanted + "...\n";
}

Flow wait_until(Evaluator& evaluator, const Call& call, std::string_view spec) {
    auto wait = parse_wait(spec);
    if (!wait) return evaluator.fail(call, "cannot wait for unknown condition '" + std::string(spec) + "'");
    for (;;) {
        std::string path;
        bool value = false;
        MARS_FLOW(observe(evaluator, *wait, path, value));
        if (value == wait->on) {
            std::string place = wait->actual ? "OK at " + state_of(evaluator).host() + ":" : "OK,";
            evaluator.outside().print(place + " '" + path + "' has acceptable value '" + (wait->on ? "1" : "0") +
                                      "'\n");
            return Flow::normal;
        }
        evaluator.outside().print(waiting_line(evaluator, *wait, path));
        MARS_FLOW(pause_in_budget(evaluator, call, 1));
    }
}

Flow wait_spec(Evaluator& evaluator, const Call& call, Value&) {
    std::string spec;
    MARS_FLOW(evaluator.arg(call, 0, spec));
    return wait_until(evaluator, call, spec);
}

Flow wait_named(Evaluator& evaluator, const Call& call, Value&) {
    auto& choices = call.binding.entry->choices;
    return wait_until(evaluator, call, choices[0] + "-" + choices[1] + "-" + choices[2]);
}

Flow wait_cluster(Evaluator& evaluator, const Call& call, Value&) {
    std::string list;
    MARS_FLOW(evaluator.arg(call, 0, list));
    State& state = state_of(evaluator);
    auto hosts = list.empty() ? state.view().suffixes("ips", "ip-")
                              : split(evaluator.regexes(), list, "[,\\s]+").value_or(std::vector<std::string>());
    std::erase(hosts, state.host());
    std::vector<std::string> before;
    for (auto& host : hosts) before.push_back(state.optional("actual-" + host + "/time"));
    for (std::size_t i = 0; i < hosts.size(); ++i)
        while (Number::parse(state.optional("actual-" + hosts[i] + "/time")) <= Number::parse(before[i])) {
            evaluator.outside().print("waiting " + std::to_string(state_of(evaluator).wait_budget()) + " for host '" +
                                      hosts[i] + "'...\n");
            MARS_FLOW(pause_in_budget(evaluator, call, 1));
        }
    evaluator.outside().print("OK, all hosts have answered\n");
    return Flow::normal;
}

constexpr Primitive kTimeRows[] = {
    {"time", "{}", 0, 1, false, false, "The Lamport clock, SECONDS.NANOSECONDS.", "%time{}", "1650000010.000000000",
     time, Unit::stamp, true},
    {"real-time", "{}", 0, 1, false, false, "The system's clock in whole seconds.", "%real-time{}", "1650000010",
     real_time, Unit::stamp, true},
    {"sleep", "{seconds}", 1, 1, false, false, "Pauses. Yields nothing.", "%sleep{0}x", "x", sleep},
    {"timeout", "{seconds}", 1, 1, false, false,
     "Pauses so many seconds (default: 1), but in total not longer than --timeout; fails when that is used up.",
     "%timeout{1}x", "x", timeout},
    {"{wait,wait-resource}", "{condition}", 1, 1, false, false,
     "Waits until the condition holds, within --timeout. It is a switch (attach, fetch, replay, sync, primary, "
     "secondary), or "
     "with `is-` before it what the host really does (also `device`); -off or -0 behind it negates. Shows its progress "
     "at once.",
     "%wait{is-attach-on}x", "x", wait_spec},
    {"wait-{todo,is}~{attach,sync,fetch,replay,primary,secondary}~{on,off}", "{}", 0, 1, false, false,
     "The same by name.", "%wait-todo-attach-on{}x", "x", wait_named, Unit::nothing, true},
    {"wait-cluster", "[{hosts}]", 0, 1, false, false,
     "Waits until all peers (or the given ones) have sent something new.", "%wait-cluster{nodeb}x", "x", wait_cluster},
};

} // namespace

std::span<const Primitive> time_primitives() {
    return kTimeRows;
}

} // namespace mars::macros
