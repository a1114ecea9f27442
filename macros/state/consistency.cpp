// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for consistency, orphans and split brain. Spec: macro-language 3.10.
#include "kernel/format/replay_link.hpp"
#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"
#include "macros/state/switches.hpp"

namespace mars::macros {

namespace {

Flow is_orphan(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    out.set(0);
    if (is_true(state.checked(state.in_resource(actual_key(host, "primary"))))) return Flow::normal;
    auto replay = format::ReplayLink::parse(state.checked(state.in_resource("replay-" + host)));
    out.set(1);
    if (!replay) return Flow::normal;
    auto file = state.view().file(state.in_resource(replay->log.text()));
    out.set(!file || static_cast<std::int64_t>(file->size) < replay->pos);
    return Flow::normal;
}

Flow consistent(Evaluator& evaluator, Value& out, bool primary_counts) {
    State& state = state_of(evaluator);
    Number sync_rest;
    MARS_FLOW(evaluator.invoke("primitive-sync-rest", sync_rest));
    std::string host = state.host();
    auto replay = format::ReplayLink::parse(state.optional(state.in_resource("replay-" + host)));
    bool writing_back = primary_counts && replay && replay->dirty > 0 &&
                        is_true(state.checked(state.in_resource(actual_key(host, "primary"))));
    auto synced = format::ReplayLink::parse(state.optional(state.in_resource("syncpos-" + host)));
    bool behind_sync = format::compare_progress(synced, replay) > 0;
    out.set(!(sync_rest > Number()) && !writing_back && replay && !behind_sync);
    return Flow::normal;
}

Flow is_consistent(Evaluator& evaluator, const Call&, Value& out) {
    return consistent(evaluator, out, true);
}
Flow is_almost_consistent(Evaluator& evaluator, const Call&, Value& out) {
    return consistent(evaluator, out, false);
}

Flow is_split_brain(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).is_split_brain());
    return Flow::normal;
}

constexpr Primitive kConsistencyStateRows[] = {
    {"is-orphan", "[{host}]", 0, 1, false, true,
     "1 if the host cannot go on with replay, since its log file is missing or too short.", "%is-orphan{}", "0",
     is_orphan, Unit::flag, true},
    {"is-consistent", "{}", 0, 1, false, true, "1 if the disk of the acting host can be used as it is, else 0.",
     "%is-consistent{}", "1", is_consistent, Unit::flag, true},
    {"is-almost-consistent", "{}", 0, 1, false, true, "The same, where write-back by a primary does not count.",
     "%is-almost-consistent{}", "1", is_almost_consistent, Unit::flag},
    {"is-split-brain", "{}", 0, 1, false, true, "1 if the histories of two members contradict each other, else 0.",
     "%is-split-brain{}", "0", is_split_brain, Unit::flag, true},
    {"is-split", "{}", 0, 1, false, true, "The same.", "%is-split{}", "0", is_split_brain, Unit::flag},
};

} // namespace

std::span<const Primitive> consistency_state_primitives() {
    return kConsistencyStateRows;
}

} // namespace mars::macros
