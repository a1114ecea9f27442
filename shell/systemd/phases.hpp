// SPDX-License-Identifier: GPL-2.0-or-later
// Phases that other verbs have because of systemd: primary and secondary move the application along with the role,
// detach and down stop it, and what changes memberships makes units anew. Without units or without systemd they do
// nothing. Spec: verbs 4.8 … 4.12, 4.17, 4.18. Tests: tests/unit/shell/verbs_systemd_test.cpp,
// tests/e2e/systemd_test.py.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell::systemd {

// Makes the units of this host anew, as the last phase of a verb. When that fails, the verb is partly done: the change
// of the tree stays, the failure says that the units are missing.
env::task<result<Step>> generate_phase(VerbContext& ctx);

// A move of the application, as `primary` and `secondary` begin it: the value of `systemd-want` changes.
struct Move {
    std::string old;    // the primary so far; may be empty
    std::string want;   // what is wanted now
    std::string former; // what was wanted before
};

// The resource has units, and says where they shall run.
bool has_application(const VerbContext& ctx);
// Wants the application here, or ("(none)") nowhere. Queues nothing when it is wanted at the primary, which keeps its
// role.
Move begin_move(VerbContext& ctx, const std::optional<std::string>& old, std::string want);
// Waits until the application has closed the device on the old primary, as that says after the wish. Otherwise
// everything is put back as it was: unit.stop; wait.phase when it is silent. Also ends when another host has become
// primary meanwhile.
env::task<result<void>> await_stop(VerbContext& ctx, Move move);
// The move has failed, or was interrupted. While the old primary is still primary, what was wanted before is wanted
// again; when another host has become primary, the application is wanted there. Nothing, when that is so already, when
// somebody wants something else meanwhile, or when it is too late: nobody has the role.
env::task<result<void>> give_back(VerbContext& ctx, Move move);
// Starts the application here and waits until it has opened the device.
env::task<result<void>> start_here(VerbContext& ctx);
// Stops the application here, because the device shall go.
env::task<result<void>> stop_here(VerbContext& ctx);

} // namespace mars::shell::systemd
