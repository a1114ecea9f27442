// SPDX-License-Identifier: GPL-2.0-or-later
// Regeneration: whether a verb has to do with systemd here, and how it makes the units of this host what templates and
// tree say. May be called at any time, also by several processes. Spec: macro-language 6.7. Tests:
// tests/unit/shell/verbs_systemd_test.cpp.
#pragma once

#include <functional>
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
// The refusal of what cannot be done without.
failure no_systemd();
// How long a job of systemd may take.
Duration job_limit(const VerbContext& ctx);

// Reads the templates and calls `use` with everything that generating needs.
void with_generator(VerbContext& ctx, const std::function<void(const GeneratorInput&)>& use);
// What a dry run says instead of regenerate(), where that would be called.
void would_regenerate(VerbContext& ctx, bool is_extern = false);
// Writes, reloads, and starts what is marked so; obsolete units are stopped and removed.
env::task<result<void>> regenerate(VerbContext& ctx);

} // namespace mars::shell::systemd
