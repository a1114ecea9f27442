// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for what is between two hosts: a handover that is under way or was not finished, and an application that
// does not run where it is wanted. They tell the same on every host.
#include "kernel/tree/handover_state.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

tree::IsHeard is_heard_by(const State& state) {
    return
        [&state](const std::string& host) { return state.is_heard(host, state.optional("actual-" + host + "/time")); };
}

tree::Handover handover_of(const State& state) {
    return tree::find_handover(state.view(), state.resource(), is_heard_by(state));
}

// Who waits for a handover knows that the application does not run meanwhile.
tree::Application application_of(const State& state) {
    if (handover_of(state).kind == tree::Handover::Kind::under_way) return {};
    return tree::find_application(state.view(), state.resource(), is_heard_by(state));
}

Flow handover_state(Evaluator& evaluator, const Call&, Value& out) {
    out.set(std::string(word_of(handover_of(state_of(evaluator)))));
    return Flow::normal;
}

Flow handover_text(Evaluator& evaluator, const Call&, Value& out) {
    const State& state = state_of(evaluator);
    out.set(sentence_of(handover_of(state), state.resource(), state.now()));
    return Flow::normal;
}

Flow application_state(Evaluator& evaluator, const Call&, Value& out) {
    out.set(std::string(word_of(application_of(state_of(evaluator)))));
    return Flow::normal;
}

Flow application_text(Evaluator& evaluator, const Call&, Value& out) {
    const State& state = state_of(evaluator);
    out.set(sentence_of(application_of(state), state.resource()));
    return Flow::normal;
}

constexpr Primitive kHandoverStateRows[] = {
    {"handover-state", "{}", 0, 1, false, false,
     "HandoverUnderWay while marsadm hands the resource over; HandoverUnfinished when it ended before that was done; "
     "else empty. The same on every host.",
     "[%handover-state{}]", "[]", handover_state, Unit::text, true},
    {"handover-text", "{}", 0, 1, false, false, "That as a sentence, with what to do next; else empty.",
     "[%handover-text{}]", "[]", handover_text, Unit::text, true},
    {"application-state", "{}", 0, 1, false, false,
     "Of an application with a systemd unit that is wanted somewhere: Running; WantedNotRunning when it does not run "
     "on the designated primary: device or unit are not there, or have ended; WantedElsewhere when the host where it "
     "is wanted is not that; Unknown "
     "when nothing is heard of the primary where it is wanted. Empty without such an "
     "application, and while a handover is under way.",
     "[%application-state{}]", "[]", application_state, Unit::text, true},
    {"application-text", "{}", 0, 1, false, false,
     "What is wrong with it as a sentence, with what to do next; else empty.", "[%application-text{}]", "[]",
     application_text, Unit::text, true},
};

} // namespace

std::span<const Primitive> handover_state_primitives() {
    return kHandoverStateRows;
}

} // namespace mars::macros
