// SPDX-License-Identifier: GPL-2.0-or-later
// Activation: where templates, tree and systemd meet in a verb. regenerate() makes the units of this host what
// templates and tree say; activate() starts or stops the application of one resource here, as `systemd-want` has it.
// Both may be called at any time, also by several processes: they look at the present state and move towards the wanted
// one. Fires application.start, .stop, .check (hooks.hpp). Spec: macro-language 6.7, 6.8; verbs 4.33 … 4.35. Tests:
// tests/unit/shell/verbs_systemd_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "shell/command/context.hpp"
#include "shell/systemd/systemd.hpp"
#include "shell/systemd/unit_generator.hpp"

namespace mars::shell::systemd {

// Does this call work with the local systemd? `is_extern`: called by a unit, which overrides --systemd-enable=0 and the
// check for being called by systemd.
bool is_on(VerbContext& ctx, bool is_extern = false);
// Is it this call's business, if systemd and templates are at work here?
bool is_asked_for(VerbContext& ctx, bool is_extern = false);
// What has to be there for that; empty when all is.
std::string missing_directory(VerbContext& ctx);
// Has the resource units, i.e. is the place of its application systemd's business?
bool has_units(const VerbContext& ctx);
std::optional<std::string> wanted_host(const VerbContext& ctx); // nullopt: not set; "(none)" is a value
std::string start_unit(const VerbContext& ctx);                 // the first word
std::string stop_unit(const VerbContext& ctx);                  // the last word

// Reads the templates and calls `use` with everything that generating needs.
void with_generator(VerbContext& ctx, const std::function<void(const GeneratorInput&)>& use);
// What a dry run says instead of regenerate(), where that would be called.
void would_regenerate(VerbContext& ctx, bool is_extern = false);
// Writes, reloads, and starts what is marked so; obsolete units are stopped and removed.
env::task<result<void>> regenerate(VerbContext& ctx);

// Start or stop, whatever is wanted; again, if the wish changes meanwhile. The outcome is published
// (userspace/systemd-status-*), and who keeps the device in use (userspace/systemd-users-ME). `lingers`: stays for a
// while after a failure, in case that the wish changes because of that. Failures: unit.*.
env::task<result<void>> activate(VerbContext& ctx, bool lingers = false);

// Writes the trigger file of the resource, or of the host when the context has none.
result<void> touch_trigger(VerbContext& ctx);
// Who holds the device at `host`, as it was published there; empty when nothing is known.
std::string known_users(const VerbContext& ctx, const std::string& host);

} // namespace mars::shell::systemd
