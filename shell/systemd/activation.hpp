// SPDX-License-Identifier: GPL-2.0-or-later
// Activation: starts or stops the application of one resource here, as `systemd-want` has it. May be called at any
// time, also by several processes: it looks at the present state and moves towards the wanted one. Fires
// application.start, .stop, .check (hooks.hpp). Spec: macro-language 6.8; verbs 4.33 … 4.35. Tests:
// tests/unit/shell/activation_test.cpp, verbs_systemd_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "shell/command/context.hpp"

namespace mars::shell::systemd {

// Has the resource units, i.e. is the place of its application systemd's business?
bool has_units(const VerbContext& ctx);
std::optional<std::string> wanted_host(const VerbContext& ctx); // nullopt: not set; "(none)" is a value
std::string start_unit(const VerbContext& ctx);                 // the first word
std::string stop_unit(const VerbContext& ctx);                  // the last word

// Start or stop, whatever is wanted; again, if the wish changes meanwhile. The outcome is published
// (userspace/systemd-status-*), and who keeps the device in use (userspace/systemd-users-ME). `lingers`: stays for a
// while after a failure, in case that the wish changes because of that. Failures: unit.*.
env::task<result<void>> activate(VerbContext& ctx, bool lingers = false);

// Writes the trigger file of the resource, or of the host when the context has none.
result<void> touch_trigger(VerbContext& ctx);
// Who holds the device at `host`, as it was published there; empty when nothing is known.
std::string known_users(const VerbContext& ctx, const std::string& host);

} // namespace mars::shell::systemd
