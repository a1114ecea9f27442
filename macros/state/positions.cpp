// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for logfile positions and what is derived from them. Spec: macro-language 3.7.
#include <cmath>
#include <set>

#include "kernel/format/replay_link.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

Flow position(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    auto& name = call.binding.entry->name;
    if (name == "sync-pos") {
        out.set(state.checked(state.in_resource("syncstatus-" + state.host())));
        return Flow::normal;
    }
    const tree::LogProgress& p = state.positions();
    if (name == "replay-pos" || name == "work-pos")
        out.set(p.back);
    else if (name == "fetch-pos" || name == "replay-size")
        out.set(p.back + p.forward_files);
    else if (name == "fetch-size" || name == "work-size")
        out.set(p.back + p.forward_known);
    else
        out.set(p.forward_known); // writeback-rest
    return Flow::normal;
}

Flow log_number(Evaluator& evaluator, const Call& call, Value& out) {
    const tree::LogProgress& p = state_of(evaluator).positions();
    auto& name = call.binding.entry->name;
    if (name == "replay-basenr")
        out.set(p.base_number);
    else if (name == "replay-lognr")
        out.set(p.replay_number);
    else if (name == "fetch-lognr")
        out.set(p.fetch_number);
    else if (name == "work-lognr")
        out.set(p.work_number);
    else if (name == "replay-logcount")
        out.set(p.replay_number - p.base_number);
    else if (name == "fetch-logcount")
        out.set(p.fetch_number - p.replay_number);
    else
        out.set(p.work_number - p.replay_number);
    return Flow::normal;
}

// Calls `use(number, size)` for every log file of the resource.
template<class Use>
void each_log(const State& state, Use use) {
    std::string directory = state.in_resource("");
    for (auto& name : state.view().names(directory.substr(0, directory.size() - 1), "log-"))
        if (auto log = format::LogName::parse(name))
            if (auto file = state.view().file(directory + name)) use(log->seq, static_cast<std::int64_t>(file->size));
}

Flow occupied_size(Evaluator& evaluator, const Call&, Value& out) {
    std::int64_t sum = 0;
    each_log(state_of(evaluator), [&](std::int64_t, std::int64_t size) { sum += size; });
    out.set(sum);
    return Flow::normal;
}

// Logs that every member has replayed.
Flow deletable_size(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    std::set<std::int64_t> logs, replays;
    each_log(state, [&](std::int64_t number, std::int64_t) { logs.insert(number); });
    std::string directory = state.in_resource("");
    for (auto& host : state.view().suffixes(directory.substr(0, directory.size() - 1), "replay-"))
        if (auto at = format::ReplayLink::parse(state.optional(directory + "replay-" + host)))
            replays.insert(at->log.seq);
    if (logs.empty() || replays.empty())
        return evaluator.fail(call, "resource '" + state.resource() + "' has no log files or no replay links");
    std::int64_t limit = std::min(*logs.rbegin(), *replays.begin()), sum = 0;
    each_log(state, [&](std::int64_t number, std::int64_t size) { sum += number < limit ? size : 0; });
    out.set(sum);
    return Flow::normal;
}

struct Extent {
    Number size, position;
};

// Size and position by their plain names, so that templates may override them.
Flow extent(Evaluator& evaluator, const Call& call, Extent& extent) {
    MARS_FLOW(evaluator.invoke(choice(call) + "-size", extent.size));
    return evaluator.invoke(choice(call) + "-pos", extent.position);
}

Flow rest(Evaluator& evaluator, const Call& call, Value& out) {
    Extent e;
    MARS_FLOW(extent(evaluator, call, e));
    Number left = e.size - e.position;
    out.set(left > Number() ? left : Number());
    return Flow::normal;
}

Flow reached(Evaluator& evaluator, const Call& call, Value& out) {
    Extent e;
    MARS_FLOW(extent(evaluator, call, e));
    out.set(e.position >= e.size);
    return Flow::normal;
}

Number truncated_quotient(Number a, Number b) {
    auto quotient = divide(a, b);
    return quotient ? Number::real(std::trunc(quotient->as_real())) : Number();
}

Flow almost_reached(Evaluator& evaluator, const Call& call, Value& out) {
    Extent e;
    Number permille;
    MARS_FLOW(extent(evaluator, call, e));
    MARS_FLOW(evaluator.operand(call, 0, permille));
    if (!(permille > Number())) permille = Number::integer(990);
    out.set(truncated_quotient(e.position, permille) >= truncated_quotient(e.size, Number::integer(1000)));
    return Flow::normal;
}

// A size with an optional unit letter, or the size of a block device.
Flow size_argument(Evaluator& evaluator, const Call& call, const std::string& text, Number& size) {
    constexpr std::string_view kLetters = "kmgtp";
    constexpr std::int64_t kPage = 4096;
    if (text.starts_with('/')) {
        auto bytes = evaluator.outside().device_size(text);
        if (!bytes) return evaluator.fail(call, "'" + text + "' is no block device");
        size = Number::natural(*bytes);
    } else {
        size = Number::parse(text);
        auto at = text.find_first_not_of("0123456789.");
        char letter = at == std::string::npos ? '\0' : text[at];
        auto power = kLetters.find(static_cast<char>(letter | 0x20));
        bool decimal = letter >= 'a';
        if (letter != '\0' && (power == std::string_view::npos || at + 1 != text.size()))
            return evaluator.fail(
                call, "'" + text + "' is no size: expected a number with at most one unit letter of kmgtpKMGTP");
        for (std::size_t i = 0; letter != '\0' && i <= power; ++i) size = size * Number::integer(decimal ? 1000 : 1024);
    }
    auto odd = modulus(size, Number::integer(kPage));
    if (odd && !odd->is_zero()) return evaluator.fail(call, "size '" + text + "' is not a multiple of 4096");
    return Flow::normal;
}

Flow threshold_reached(Evaluator& evaluator, const Call& call, Value& out) {
    Extent e;
    Value given;
    MARS_FLOW(extent(evaluator, call, e));
    MARS_FLOW(evaluator.arg(call, 0, given));
    Number slack;
    if (given.truth())
        MARS_FLOW(size_argument(evaluator, call, given.str(), slack));
    else if (auto* threshold = evaluator.env().find(kThreshold))
        slack = threshold->value.operand();
    out.set(e.position + slack >= e.size);
    return Flow::normal;
}

// Choice 1: percent or permille. Releases up to 0.1a add half a step.
Flow part(Evaluator& evaluator, const Call& call, Value& out) {
    Extent e;
    MARS_FLOW(extent(evaluator, call, e));
    double whole = choice(call, 1) == "percent" ? 100 : 1000;
    double factor = whole + (evaluator.compat() ? 0.5 : 0.0);
    double value = e.size.is_zero() ? whole : std::min(whole, factor * e.position.as_real() / e.size.as_real());
    out.set(Number::real(value));
    return Flow::normal;
}

Flow delimiter_argument(Evaluator& evaluator, const Call& call, std::string& delimiter) {
    MARS_FLOW(evaluator.arg(call, 0, delimiter));
    if (delimiter.empty()) delimiter = ":";
    return Flow::normal;
}

Flow joined(Evaluator& evaluator, const Call& call, Value& out, const std::vector<std::string>& names) {
    std::vector<std::string> values;
    for (auto& name : names) {
        Value value;
        MARS_FLOW(evaluator.invoke(name, value));
        values.push_back(value.take());
    }
    std::string delimiter;
    MARS_FLOW(delimiter_argument(evaluator, call, delimiter));
    std::string& text = out.own();
    for (std::size_t i = 0; i < values.size(); ++i) text.append(i ? delimiter : "").append(values[i]);
    return Flow::normal;
}

Flow vector(Evaluator& evaluator, const Call& call, Value& out) {
    return joined(evaluator, call, out, {choice(call) + "-pos", choice(call) + "-size"});
}

Flow summary_vector(Evaluator& evaluator, const Call& call, Value& out) {
    return joined(evaluator, call, out, {"replay-pos", "fetch-pos", "fetch-size"});
}

constexpr Primitive kPositionStateRows[] = {
    {"{sync,fetch,replay,work}-pos", "{}", 0, 1, false, true, "How far the activity has come.", "%replay-pos{}",
     "10000000", position, Unit::bytes, true},
    {"{fetch,replay,work}-size", "{}", 0, 1, false, true, "How far the activity could come.", "%work-size{}",
     "70000000", position, Unit::bytes, true},
    {"writeback-rest", "{}", 0, 1, false, true, "What remains to be written back or replayed.", "%writeback-rest{}",
     "60000000", position, Unit::bytes, true},
    {"replay-basenr", "{}", 0, 1, false, true, "Number of the oldest log that exists without a gap.",
     "%replay-basenr{}", "11", log_number, Unit::count, true},
    {"{replay,fetch,work}-lognr", "{}", 0, 1, false, true,
     "Number of the log being replayed; of the last one that is here; of the last one that is known.", "%fetch-lognr{}",
     "12", log_number, Unit::count, true},
    {"{replay,fetch,work}-logcount", "{}", 0, 1, false, true,
     "Number of logs before the one being replayed; after it that are here; after it that are known.",
     "%work-logcount{}", "1", log_number, Unit::count, true},
    {"occupied-size", "{}", 0, 1, false, true, "Size of all log files of the resource.", "%occupied-size{}", "45000000",
     occupied_size, Unit::bytes, true},
    {"deletable-size", "{}", 0, 1, false, true, "Size of the log files that nobody needs any more.",
     "%deletable-size{}", "0", deletable_size, Unit::bytes, true},
    {"{sync,fetch,replay,work}-rest", "{}", 0, 1, false, true, "What remains to be done.", "%replay-rest{}", "35000000",
     rest, Unit::bytes, true},
    {"{sync,fetch,replay,work}-reached", "{}", 0, 1, false, true, "1 if nothing remains to be done, else 0.",
     "%replay-reached{}", "0", reached, Unit::flag, true},
    {"{sync,fetch,replay,work}-almost-reached", "[{permille}]", 0, 1, false, true,
     "1 if so many permille (default: 990) are done, else 0.", "%sync-almost-reached{}", "1", almost_reached,
     Unit::flag, true},
    {"{sync,fetch,replay,work}-threshold-reached", "[{size}]", 0, 1, false, true,
     "1 if at most so much (default: the variable `threshold`) remains, else 0. The size may have a unit letter or "
     "name a block "
     "device.",
     "%replay-threshold-reached{64M}", "1", threshold_reached, Unit::flag, true},
    {"{sync,fetch,replay,work}-{percent,permille}", "{}", 0, 1, false, true, "Which part is done.",
     "%sprintf{%.2f}{%replay-percent{}}", "22.22", part, Unit::percent, true},
    {"{sync,fetch,replay,work}-vector", "[{delimiter}]", 0, 1, false, true, "Position and size, joined with a colon.",
     "%replay-vector{}", "10000000:45000000", vector, Unit::text, true},
    {"summary-vector", "[{delimiter}]", 0, 1, false, true,
     "Positions of replay and fetch, and the size, joined with a colon.", "%summary-vector{,}",
     "10000000,45000000,70000000", summary_vector, Unit::text, true},
};

} // namespace

std::span<const Primitive> position_state_primitives() {
    return kPositionStateRows;
}

} // namespace mars::macros
