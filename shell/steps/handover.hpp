// SPDX-License-Identifier: GPL-2.0-or-later
// Handover: the phases of `primary` and `secondary`. The order of what is written and waited for is what keeps two
// hosts from continuing the same history: the new primary is designated only after the old one has left its role and
// all that it has written has arrived and been replayed here. Spec: verbs 4.17, 4.18; symlink-tree 6.1. Tests:
// tests/unit/shell/handover_test.cpp.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

env::task<result<Step>> primary_contact(VerbContext& ctx);      // 0
env::task<result<Step>> primary_check(VerbContext& ctx);        // 1
env::task<result<Step>> primary_fetch_on(VerbContext& ctx);     // 2
env::task<result<Step>> primary_stop_old(VerbContext& ctx);     // 3
env::task<result<Step>> primary_leave_old(VerbContext& ctx);    // 4
env::task<result<Step>> primary_await_old(VerbContext& ctx);    // 5, 7
env::task<result<Step>> primary_hear_again(VerbContext& ctx);   // 6
env::task<result<Step>> primary_designate(VerbContext& ctx);    // 8, 9
env::task<result<Step>> primary_await_device(VerbContext& ctx); // 10
env::task<result<Step>> primary_start_here(VerbContext& ctx);   // 11

// All members are asked for news, and the old primaries waited for.
env::task<result<Step>> primary_hear_all(VerbContext& ctx);

// What phases 4, 5 and 7 wait for, how things stand if it does not come, and the ways out.
std::string primary_missing(VerbContext& ctx);
std::string primary_stuck(VerbContext& ctx);

env::task<result<Step>> secondary_contact(VerbContext& ctx);
env::task<result<Step>> secondary_check(VerbContext& ctx);
env::task<result<Step>> secondary_stop(VerbContext& ctx);
env::task<result<Step>> secondary_leave(VerbContext& ctx);
env::task<result<Step>> secondary_await_old(VerbContext& ctx);
env::task<result<Step>> secondary_await_device(VerbContext& ctx);
std::string secondary_missing(VerbContext& ctx);
// While the primary has not answered; how things stand then, and when it has been called off in vain.
std::string secondary_unheard(VerbContext& ctx);
std::string secondary_untouched(VerbContext& ctx);
std::string secondary_stuck(VerbContext& ctx);

// Undo of the phases of both: while the old primary is not called off, its application is wanted there again; when
// somebody else has become primary, it belongs there.
env::task<result<Step>> give_application_back(VerbContext& ctx);
// The same after the old primary was called off: it has the role again, unless somebody else has taken it.
env::task<result<Step>> give_role_back(VerbContext& ctx);
// When the role has been taken: there is no handover any more.
env::task<result<Step>> end_note(VerbContext& ctx);

} // namespace mars::shell
