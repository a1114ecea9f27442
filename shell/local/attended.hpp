// SPDX-License-Identifier: GPL-2.0-or-later
// Attended programs: a program ends with whoever asked for it. An attendant, a process of its own, holds the reading
// end of a pipe (or of a connection); when its other end is gone, also because its owner was killed, everything that
// the program's process group still runs is asked to end (SIGTERM), and killed after a grace, if there is one: also
// what outlives the program itself. Once the program has ended by itself, what it left in the background is left alone.
//
//   here           process.cpp forks an attendant for each program; the pipe is marsadm's
//   on other hosts `marsadm --attended LIMIT_MS INPUT_BYTES WORD…`, asked for by ssh_session.cpp: stdin carries the
//                  program's input first, then signs of life. It begins with kAttendedMark on stderr.
//
// Tests: tests/unit/shell/attended_test.cpp, tests/unit/lua/process_test.cpp, tests/unit/shell/ssh_remote_test.cpp.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace mars::shell {

// The first bytes on stderr of an attended program on another host: the other side knows how to end it.
inline constexpr std::string_view kAttendedMark = "marsadm-attended: 1\n";
inline constexpr int kAliveEverySeconds = 10; // a byte from the caller
inline constexpr int kSilenceSeconds = 60;    // then the caller counts as gone (a line that is cut says nothing)
inline constexpr int kGraceMilliseconds = 10'000;
inline constexpr int kNoGrace = -1; // asked to end, never killed

struct Attendance {
    pid_t program = -1;
    int owner = -1; // readable at its end of file when the owner is gone
    int input = -1; // the program's stdin, to which the first `input_bytes` of `owner` go
    long input_bytes = 0;
    long limit_ms = -1;  // the program is ended after so long; -1: no limit
    int silence_ms = -1; // the owner is gone when nothing came for so long; -1: only its end of file counts
    int grace_ms = kNoGrace;
};

// Until the program has ended; its status as a shell has it. Only calls that are allowed after a fork. For a process of
// its own: takes SIGCHLD, and what the program leaves behind becomes its children.
int attend(Attendance attendance);

// What the kernel shall execute for argv[0]: this very program for "marsadm", wherever PATH leads.
std::string program_path(const std::string& name);
// marsadm gives back what it must after SIGTERM, for as long as it takes; other programs have a grace.
int grace_of(const std::string& name);
// From now on only the owner reads files that this process makes; the programs that it runs keep the umask it had.
void keep_files_private();
// In the child: usual signals and umask, a process group of its own, an end with its parent.
void become_attended(pid_t parent, int grace_ms);

// The words of a remote shell that run `argv` attended there, where marsadm has that; else plainly.
std::vector<std::string> attended_command(const std::vector<std::string>& argv, long limit_ms, std::size_t input_bytes);
// marsadm --attended …; `words` are those after it.
int attended_main(const std::vector<std::string>& words);

} // namespace mars::shell
