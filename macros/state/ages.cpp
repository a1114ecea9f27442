// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for time stamps, ages and lags. Spec: macro-language 3.9.
#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"
#include "macros/state/switches.hpp"

namespace mars::macros {

namespace {

std::string alive_stamp(const State& state, const std::string& host) {
    if (host.empty()) return "-1";
    std::string time = state.optional("actual-" + host + "/time");
    if (is_true(time)) return state.heard_time(host, time);
    auto alive = state.view().raw("actual-" + host + "/alive");
    return state.heard_time(host, std::to_string(alive ? alive->stamp.sec : 0));
}

std::string replay_stamp(const State& state, const std::string& host) {
    auto link = state.view().raw(state.in_resource("replay-" + host));
    return std::to_string(link ? link->stamp.sec : 0);
}

// The newest version link of the host.
std::optional<tree::Link> last_version(const State& state, const std::string& host) {
    std::string directory = state.in_resource(""), last;
    for (auto& name : state.view().names(directory.substr(0, directory.size() - 1), "version-"))
        if (name.ends_with("-" + host)) last = name;
    return last.empty() ? std::nullopt : state.view().raw(directory + last);
}

std::string fetch_stamp(const State& state, const std::string& host) {
    auto link = last_version(state, host);
    return std::to_string(link ? link->stamp.sec : -1);
}

// Both have come to the same point: whoever has told it first, the other one is not late.
bool is_level(const State& state, std::string_view activity, const std::string& a, const std::string& b) {
    if (activity == "alive") return false;
    const auto replay = [&](const std::string& host) { return state.optional(state.in_resource("replay-" + host)); };
    const auto first = last_version(state, a), second = last_version(state, b);
    const bool same_fetch = first && second && first->value == second->value;
    const bool same_replay = !replay(a).empty() && replay(a) == replay(b);
    return activity == "fetch" ? same_fetch : activity == "replay" ? same_replay : same_fetch && same_replay;
}

// The stamp of an activity on `host`; "alive" is that of the host itself.
std::string stamp_of(const State& state, std::string_view activity, const std::string& host) {
    if (activity == "alive") return alive_stamp(state, host);
    if (activity == "replay") return replay_stamp(state, host);
    if (activity == "fetch") return fetch_stamp(state, host);
    std::string fetch = fetch_stamp(state, host), replay = replay_stamp(state, host);
    return Number::parse(fetch) < Number::parse(replay) ? replay : fetch;
}

// The host of a stamp: the argument; else the designated primary for "alive", the acting host for the others.
Flow stamp_host(Evaluator& evaluator, const Call& call, std::string& host) {
    Value given;
    MARS_FLOW(evaluator.arg(call, 0, given));
    if (given.truth())
        host = given.take();
    else if (choice(call) == "alive")
        MARS_FLOW(state_of(evaluator).designated_primary(host));
    else
        host = state_of(evaluator).host();
    return Flow::normal;
}

Flow timestamp(Evaluator& evaluator, const Call& call, Value& out) {
    std::string host;
    MARS_FLOW(stamp_host(evaluator, call, host));
    out.set(stamp_of(state_of(evaluator), choice(call), host));
    return Flow::normal;
}

Flow age(Evaluator& evaluator, const Call& call, Value& out) {
    std::string host;
    MARS_FLOW(stamp_host(evaluator, call, host));
    Number stamp = Number::parse(stamp_of(state_of(evaluator), choice(call), host));
    const auto now = choice(call) == "alive" ? state_of(evaluator).system_time() : state_of(evaluator).now();
    out.set(-1);
    if (!(stamp > Number())) return Flow::normal;
    // Stamps have parts of a second; what was heard in this second is not of the future.
    const Number whole = Number::integer(now.sec);
    out.set(stamp > whole && !evaluator.compat() ? Number() : whole - stamp);
    return Flow::normal;
}

Flow lag(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    std::string host, other;
    Value given;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    MARS_FLOW(evaluator.arg(call, 1, given));
    if (given.truth())
        other = given.take();
    else
        MARS_FLOW(state.designated_primary(other));
    out.set(-1);
    if (other.empty()) return Flow::normal;
    if (!evaluator.compat()) {
        const auto looker = state.looker(); // what was true when the line was cut is no lag of now
        if (tree::silence_of(state.view(), host, looker) || tree::silence_of(state.view(), other, looker))
            return Flow::normal;
        if (is_level(state, choice(call), host, other)) {
            out.set(0);
            return Flow::normal;
        }
    }
    Number mine = Number::parse(stamp_of(state, choice(call), host)),
           theirs = Number::parse(stamp_of(state, choice(call), other));
    if (!(mine > Number()) || !(theirs > Number())) return Flow::normal;
    out.set(mine < theirs ? Number() : mine - theirs);
    return Flow::normal;
}

constexpr Primitive kAgeStateRows[] = {
    {"{alive,fetch,replay,work}-timestamp", "[{host}]", 0, 1, false, true,
     "When the host was heard of last (default: the designated primary); when its fetch, its replay, one of them made "
     "progress.",
     "%replay-timestamp{}", "1649999991", timestamp, Unit::stamp, true},
    {"{alive,fetch,replay,work}-age", "[{host}]", 0, 1, false, false, "Seconds since then; -1 if unknown.",
     "%alive-age{}", "11.5", age, Unit::seconds, true},
    {"{alive,fetch,replay,work}-lag", "[{host}][{other}]", 0, 2, false, true,
     "How many seconds the stamp of the host (default: the acting one) is newer than that of the other (default: the "
     "designated "
     "primary): 0 if it is older, or both have come to the same point; -1 if unknown, also when nothing is heard of "
     "one of "
     "them.",
     "%fetch-lag{nodea}{nodeb}", "16", lag, Unit::seconds, true},
};

} // namespace

std::span<const Primitive> age_state_primitives() {
    return kAgeStateRows;
}

} // namespace mars::macros
