// SPDX-License-Identifier: GPL-2.0-or-later
// Phases that other verbs have because of systemd: primary and secondary move the application along with the role,
// detach and down stop it, and what changes memberships makes units anew. Without units or without systemd they do
// nothing. Spec: verbs 4.8 … 4.12, 4.17, 4.18. Tests: tests/unit/shell/verbs_systemd_test.cpp, tests/e2e/systemd_test.py.
#pragma once

#include "shell/context.hpp"
#include "shell/verb.hpp"

namespace mars::shell::systemd {

// Makes the units of this host anew. What goes wrong is a warning: the change of the tree has been made.
env::task<result<Step>> generate_phase(VerbContext& ctx);

// `primary`: `systemd-want` is set already; wants it here and stops looking at the old host's device.
bool has_application(const VerbContext& ctx);
void want_here(VerbContext& ctx, const std::optional<std::string>& old);
void want_nowhere(VerbContext& ctx, const std::optional<std::string>& old);
// Waits until the application has closed the device on `old`; `want`: the value of `systemd-want` meanwhile. Otherwise
// everything is put back as it was: unit.stop.
env::task<result<void>> await_stop(VerbContext& ctx, std::string old, std::string want);
// The application shall run on `old` again: the handover has failed while `old` was still primary.
env::task<result<void>> give_back(VerbContext& ctx, std::string old);
// Starts the application here and waits until it has opened the device.
env::task<result<void>> start_here(VerbContext& ctx);
// Stops the application here, because the device shall go.
env::task<result<void>> stop_here(VerbContext& ctx);

} // namespace mars::shell::systemd
