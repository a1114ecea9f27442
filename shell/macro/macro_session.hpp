// SPDX-License-Identifier: GPL-2.0-or-later
// What macros are evaluated with, for every verb that does so: the context made of the options and of the host, and the
// way to run an evaluation that may pause. Spec: macro-language 1.6, 5.2. Tests: tests/unit/shell/view_test.cpp.
#pragma once

#include <functional>
#include <string>

#include "macros/macros.hpp"
#include "shell/command/context.hpp"
#include "shell/command/snapshot_view.hpp"
#include "shell/macro/macro_outside.hpp"

namespace mars::shell {

// Context for macros::Session, with all that it refers to. Lives as long as the verb's context.
struct MacroSetup {
    // `command`: %{cmd}; empty: the name of the viewed macro.
    explicit MacroSetup(VerbContext& ctx, std::string command = {});
    MacroSetup(const MacroSetup&) = delete;
    MacroSetup& operator=(const MacroSetup&) = delete;

    SnapshotView view;
    MacroOutside outside;
    macros::Context context;
};

// Does what `body` does; %sleep and the waits in it suspend the caller. Cancellation lets the sleep fail, so that the
// body comes to its end, before it goes on to the caller.
env::task<void> run_macros(VerbContext& ctx, MacroSetup& setup, std::function<void()> body);

// To a macro that there is not: which may be meant, and how to see all.
std::string other_macros(macros::Session& session, const std::string& name);

} // namespace mars::shell
