// SPDX-License-Identifier: GPL-2.0-or-later
// TargetCheck: is this host ready to run the application of a resource? Before a handover stops it elsewhere, its units
// are made here, and all that they need is looked for: the units themselves, programs, users, files, mount points.
// Tests: tests/unit/shell/target_check_test.cpp, tests/e2e/systemd_test.py.
#pragma once

#include "shell/command/context.hpp"

namespace mars::shell::systemd {

// Makes the units anew, then checks those of the resource, and the place of its device. Without an application, or
// without systemd (also --systemd-enable=0), only the latter; a dry run makes no units. Failures: unit.target
// (overridable; names each unit, path, expected, found), unit.write, unit.bus, device.blocked.
env::task<result<void>> check_target(VerbContext& ctx);

} // namespace mars::shell::systemd
