// SPDX-License-Identifier: GPL-2.0-or-later
// Moving switches, as several verbs do it. Spec: verbs 2.1, 4.13.
#pragma once

#include <string>
#include <string_view>

#include "shell/command/context.hpp"

namespace mars::shell {

// Queues todo-HOST/NAME = on, unless it is switched on already, and says so.
void turn_switch(VerbContext& ctx, const std::string& host, std::string_view name, bool on);
// attach, connect, sync, allow-replay of ME := 1. Without a source for a sync, that switch is left alone with a
// warning.
void turn_all_on(VerbContext& ctx);
// allow-replay, sync, connect, attach of ME := 0.
void turn_all_off(VerbContext& ctx);

} // namespace mars::shell
