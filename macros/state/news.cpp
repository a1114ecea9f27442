// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that tell how old is what is shown of a replica, and how far it is behind. Not in 0.1a, whose macros show
// what was heard last as if it were true now: with --compat=0.1a they say nothing.
#include "kernel/tree/news.hpp"

#include "kernel/tree/heard.hpp"
#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"
#include "macros/state/switches.hpp"

namespace mars::macros {

namespace {

Flow news_text(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    if (evaluator.compat() || state.resource().empty()) return Flow::normal;
    const auto looker = state.looker();
    if (const auto silence = tree::silence_about(state.view(), state.resource(), host, looker))
        out.set(tree::text_of(*silence, looker.now));
    return Flow::normal;
}

Flow news_age(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    auto looker = state.looker();
    looker.fresh = Duration(-1); // the oldest one, however young
    const auto oldest = tree::silence_about(state.view(), state.resource(), host, looker);
    out.set(-1);
    if (oldest && oldest->heard) out.set(std::max<std::int64_t>(looker.now.sec - oldest->heard->sec, 0));
    return Flow::normal;
}

std::vector<tree::Silence> silences(Evaluator& evaluator) {
    const State& state = state_of(evaluator);
    if (evaluator.compat() || state.resource().empty()) return {};
    return tree::silent_members(state.view(), state.resource(), state.host(), state.looker());
}

Flow silent_members(Evaluator& evaluator, const Call&, Value& out) {
    std::string text;
    for (const auto& silence : silences(evaluator)) text += silence.host + "\n";
    out.set(std::move(text));
    return Flow::normal;
}

Flow silence_text(Evaluator& evaluator, const Call&, Value& out) {
    const State& state = state_of(evaluator);
    const auto now = state.system_time();
    std::string text;
    for (const auto& silence : silences(evaluator)) {
        const auto behind = tree::bytes_behind(state.view(), state.resource(), silence.host);
        text +=
            text_of(silence, now) + "; " +
            (behind ? "since then " + tree::amount_text(*behind) + " behind at most" : "its position is not known") +
            "\n";
    }
    out.set(std::move(text));
    return Flow::normal;
}

Flow lag_value(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    const auto lag = tree::lag_of(state.view(), state.resource(), host, state.looker());
    const auto& name = call.binding.entry->name;
    if (name == "lag-reason")
        out.set(lag.reason);
    else if (name == "data-lag")
        out.set(lag.bytes.value_or(-1));
    else
        out.set(lag.time ? std::chrono::duration_cast<std::chrono::seconds>(*lag.time).count() : -1);
    return Flow::normal;
}

constexpr Primitive kNewsStateRows[] = {
    {"news-text", "[{host}]", 0, 1, false, false,
     "How old is what is known of the replica of the host (default: the acting one), which comes from that host and "
     "from the primary: \"no news of HOST for 42 s; data as of 14:03:07\"; empty when it is fresh (5 s; the window "
     "with "
     "a frozen clock).",
     "[%news-text{}]", "[]", news_text, Unit::text, true},
    {"news-age", "[{host}]", 0, 1, false, false, "That in seconds; -1 if something was never heard of.", "%news-age{}",
     "12", news_age, Unit::seconds, true},
    {"silent-members", "{}", 0, 1, false, false,
     "Other members that nothing was heard of lately, one on each line; see %news-text.", "[%silent-members{}]", "[]",
     silent_members, Unit::lines, true},
    {"silence-text", "{}", 0, 1, false, false,
     "Of each of them on a line: since when nothing is heard of it, and how far it is behind at most.",
     "[%silence-text{}]", "[]", silence_text, Unit::lines, true},
    {"data-lag", "[{host}]", 0, 1, false, false,
     "Bytes of logs that the replica is behind the primary; -1 when nothing is heard of the primary, so that nobody "
     "can know. Of a silent host: at most; it grows.",
     "%data-lag{}", "60000000", lag_value, Unit::bytes, true},
    {"time-lag", "[{host}]", 0, 1, false, false,
     "Seconds that it is behind: how long the oldest write that it misses exists, within some seconds; 0 when it is "
     "level, "
     "however long nobody has written; -1 when that is not known. Of a silent host: at most; it grows.",
     "%time-lag{}", "-1", lag_value, Unit::seconds, true},
    {"lag-reason", "[{host}]", 0, 1, false, false, "Why these are not known, or only bounds; else empty.",
     "[%lag-reason{nodea}]", "[]", lag_value, Unit::text, true},
};

} // namespace

std::span<const Primitive> news_state_primitives() {
    return kNewsStateRows;
}

} // namespace mars::macros
