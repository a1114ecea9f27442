// SPDX-License-Identifier: GPL-2.0-or-later
// RemoteEnd: what may be said of a command on another host that was told to stop, because its time is over or its
// caller was interrupted. A verb of marsadm there either gives back what it must, or is beyond its point of no return
// and goes on: only its own words tell which. Pure functions. Tests: tests/unit/shell/remote_end_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mars::shell {

// The command has come to an end of its own all the same, so its status is the outcome. Not so when the status only
// repeats that it was told to stop: that of a signal, or of an interrupted verb.
bool is_own_end(const std::vector<std::string>& argv, int status);

// The last lines that a command has printed, as "; it said last there: '…', '…'": the phase in which a verb is, what it
// has done since, and its last complaint. Empty when it has said nothing.
std::string last_words(std::string_view output, std::string_view errors);

// What such a command does when its end is not heard: "it gives back what it must, or …".
std::string_view unheard_course(const std::vector<std::string>& argv);

} // namespace mars::shell
