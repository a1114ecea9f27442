// SPDX-License-Identifier: GPL-2.0-or-later
// Openers: who has a block device open. The kernel keeps no count that we could read, so we look at all places where an
// opener shows up: open files of processes (/proc), superblocks, swap, and other block drivers on top. Looking does not
// disturb: in particular it claims nothing, an exclusive test open could make somebody's mount fail.
// Not seen: plain openers in other PID namespaces, and kernel users of an unknown kind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

namespace mars::exports {

struct Openers {
    int files = 0;           // open file descriptions of processes; one that is shared (fork, dup) counts once
    bool is_mounted = false; // a filesystem is on it, in whatever mount namespace
    bool is_swap = false;
    int holders = 0; // other block devices on it: dm, md, loop
    std::string who; // for people: some of them, e.g. "mounted, dd (pid 417)"

    int count() const { return files + (is_mounted ? 1 : 0) + (is_swap ? 1 : 0) + holders; }
    bool operator==(const Openers&) const = default;
};

// Looks once; blocks, for milliseconds times the number of processes / 1000. Files of this process do not count.
// `device`: the device number of a block device. `since`: what was seen then, or later, will do: calls for many devices
// at the same time share one look. Safe on any thread.
Openers find_openers(dev_t device, std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now());

} // namespace mars::exports
