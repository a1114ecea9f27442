// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for rates and remaining times. Spec: macro-language 3.8.
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

std::string_view counter_of(std::string_view activity) {
    return activity == "fetch" ? "file" : activity == "device" ? "if" : activity;
}

// KiB per second as published; empty when unknown.
std::string raw_rate(const State& state, std::string_view activity) {
    std::string prefix = state.in_resource("actual-" + state.host() + "/");
    std::string name = std::string(counter_of(activity)) + "_rate";
    std::string value = state.optional(prefix + "amount-" + name);
    return value.empty() ? state.optional(prefix + name) : value;
}

Number not_negative(Number number) {
    return number > Number() ? number : Number();
}

Number byte_rate(const State& state, std::string_view activity) {
    return not_negative(Number::parse(raw_rate(state, activity)) * Number::integer(1024));
}

Number operation_rate(const State& state, std::string_view activity) {
    auto key = state.in_resource("actual-" + state.host() + "/ops-" + std::string(counter_of(activity)) + "_rate");
    return not_negative(Number::parse(state.optional(key)));
}

Number larger(Number a, Number b) {
    return a < b ? b : a;
}

Flow amount_rate(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    bool work = choice(call) == "work";
    out.set(work ? larger(byte_rate(state, "fetch"), byte_rate(state, "replay")) : byte_rate(state, choice(call)));
    return Flow::normal;
}

Flow ops_rate(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    bool work = choice(call) == "work";
    out.set(work ? larger(operation_rate(state, "fetch"), operation_rate(state, "replay"))
                 : operation_rate(state, choice(call)));
    return Flow::normal;
}

Flow remaining(Evaluator& evaluator, const std::string& activity, Number& seconds) {
    Number rest;
    MARS_FLOW(evaluator.invoke(activity + "-rest", rest));
    Number rate = Number::parse(raw_rate(state_of(evaluator), activity));
    if (rest.is_zero())
        seconds = Number();
    else if (!(rate > Number()))
        seconds = Number::integer(-1);
    else
        seconds = Number::real(rest.as_real() / 1024 / rate.as_real());
    return Flow::normal;
}

Flow remain(Evaluator& evaluator, const Call& call, Value& out) {
    Number seconds;
    MARS_FLOW(remaining(evaluator, choice(call), seconds));
    out.set(seconds);
    return Flow::normal;
}

Flow work_remain(Evaluator& evaluator, const Call&, Value& out) {
    Number fetch, replay;
    MARS_FLOW(remaining(evaluator, "fetch", fetch));
    MARS_FLOW(remaining(evaluator, "replay", replay));
    out.set(fetch + replay);
    return Flow::normal;
}

constexpr Primitive kRateStateRows[] = {
    {"{sync,fetch,replay,device}-rate", "{}", 0, 1, false, true, "Present throughput; 0 if unknown.", "%fetch-rate{}",
     "1048576", amount_rate, Unit::bytes_per_second, true},
    {"{sync,fetch,replay,device}-amount=rate", "{}", 0, 1, false, true, "The same.", "%replay-amount-rate{}", "262144",
     amount_rate, Unit::bytes_per_second, true},
    {"{work}-rate", "{}", 0, 1, false, true, "The larger one of fetch and replay.", "%work-rate{}", "1048576",
     amount_rate, Unit::bytes_per_second},
    {"{work}-amount=rate", "{}", 0, 1, false, true, "The same.", "%work-amount-rate{}", "1048576", amount_rate,
     Unit::bytes_per_second},
    {"{sync,fetch,replay,device}-ops=rate", "{}", 0, 1, false, true, "Present operations per second; 0 if unknown.",
     "%device-ops-rate{}", "0", ops_rate, Unit::ops_per_second, true},
    {"{work}-ops=rate", "{}", 0, 1, false, true, "The larger one of fetch and replay.", "%work-ops-rate{}", "0",
     ops_rate, Unit::ops_per_second},
    {"{sync,fetch,replay}-remain", "{}", 0, 1, false, true,
     "Seconds until the rest is done at the present rate: 0 if nothing remains, -1 if the rate is unknown.",
     "%replay-remain{}", "133.514404296875", remain, Unit::seconds, true},
    {"work-remain", "{}", 0, 1, false, true, "Sum of fetch and replay.", "%work-remain{}", "157.356262207031",
     work_remain, Unit::seconds},
};

} // namespace

std::span<const Primitive> rate_state_primitives() {
    return kRateStateRows;
}

} // namespace mars::macros
