// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for messages, failures, links. Spec: macro-language 2.14.
#include "macros/state.hpp"

namespace mars::macros {

namespace {

Flow warn(Evaluator& evaluator, const Call& call, Value&) {
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, text));
    evaluator.warn(text);
    return Flow::normal;
}

Flow die(Evaluator& evaluator, const Call& call, Value&) {
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, text));
    if (text.ends_with('\n')) text.pop_back(); // texts for release 0.1a end their line themselves
    return evaluator.fail(call, std::move(text));
}

Flow readlink(Evaluator& evaluator, const Call& call, Value& out) {
    std::string path;
    MARS_FLOW(evaluator.arg(call, 0, path));
    if (auto below = state_of(evaluator).below_tree(path)) {
        out.set(state_of(evaluator).checked(*below));
        return Flow::normal;
    }
    auto target = path.empty() ? std::nullopt : evaluator.outside().read_link(path);
    if (!target) evaluator.warn("cannot read symlink '" + path + "'");
    if (target && *target != tree::kDeleted) out.set(std::move(*target));
    return Flow::normal;
}

Flow setlink(Evaluator& evaluator, const Call& call, Value&) {
    std::string value, path;
    MARS_FLOW(evaluator.arg(call, 0, value));
    MARS_FLOW(evaluator.arg(call, 1, path));
    auto done = evaluator.outside().set_link(value, path);
    return done ? Flow::normal : evaluator.fail(call, done.error().text);
}

Flow is_module_loaded(Evaluator& evaluator, const Call&, Value& out) {
    out.set_flag(evaluator.outside().engine_running());
    return Flow::normal;
}

constexpr Primitive kOtherRows[] = {
    {"warn*", "{text}", 1, 1, false, false,
     "Writes a warning to standard error. Yields nothing. Any name that begins with `warn` will do.", "%warn{hi}x", "x",
     warn},
    {"die", "{text}", 1, 1, false, false, "Ends the evaluation with a failure of that text.", "%if{0}{%die{oops}}{ok}",
     "ok", die},
    {"readlink", "{path}", 1, 1, false, true, "Value of a symlink; empty if it is missing or deleted.",
     "%readlink{/mars/uuid}", "nodea 1640000000.000000000", readlink},
    {"setlink", "{value}{path}", 2, 2, false, false,
     "Creates the symlink when the command finishes; only in `macro run`, else it fails. Yields nothing.",
     "[%setlink{1}{/mars/userspace/x}]", "[]", setlink},
    {"is=module=loaded", "{}", 0, 1, false, false, "1 if the replication engine runs on this machine, else empty.",
     "%is-module-loaded{}", "1", is_module_loaded},
};

} // namespace

std::span<const Primitive> other_primitives() {
    return kOtherRows;
}

} // namespace mars::macros
