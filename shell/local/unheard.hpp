// SPDX-License-Identifier: GPL-2.0-or-later
// Unheard signals: Ctrl-C, SIGTERM and SIGHUP are heard by the event loop. When that does not turn, because something
// computes that nobody can interrupt (a pattern of Lua that backtracks for ever), such a signal ends the program all
// the same after 3 s of computing, and the third Ctrl-C in a row at once. Tests: tests/shell/repl_test.py.
#pragma once

namespace mars::shell {

// From now on, for those of the three that somebody handles; what the event loop has installed must be there.
void watch_for_unheard_signals();
// The event loop turns: it has heard of all signals until now.
void signals_were_heard();
// While it is protected, nothing of this ends the program.
void protect_from_unheard_signals(bool on);

} // namespace mars::shell
