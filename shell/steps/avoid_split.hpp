// SPDX-License-Identifier: GPL-2.0-or-later
// AVOID: what has to be here before the old primary may be called off, and succeeded. Spec: verbs 4.17. Tests:
// tests/unit/shell/handover_test.cpp.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

// Switching now does not create a split brain, as far as can be known here; `again`: not yet. Failures: emergency.self,
// replay.error, role.waits.
result<Step> avoid_split(VerbContext& ctx);

} // namespace mars::shell
