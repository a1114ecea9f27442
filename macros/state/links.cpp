// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for links and the host. Spec: macro-language 2.14.
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

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

constexpr Primitive kLinkRows[] = {
    {"readlink", "{path}", 1, 1, false, true, "Value of a symlink; empty if it is missing or deleted.",
     "%readlink{/mars/uuid}", "nodea 1640000000.000000000", readlink},
    {"setlink", "{value}{path}", 2, 2, false, false,
     "Creates the symlink when the command finishes; only in `macro run`, else it fails. Yields nothing.",
     "[%setlink{1}{/mars/userspace/x}]", "[]", setlink},
    {"is=module=loaded", "{}", 0, 1, false, false, "1 if the replication engine runs on this machine, else empty.",
     "%is-module-loaded{}", "1", is_module_loaded},
};

} // namespace

std::span<const Primitive> link_primitives() {
    return kLinkRows;
}

} // namespace mars::macros
