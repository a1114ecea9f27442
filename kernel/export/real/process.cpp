// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/process.hpp"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/env/real/fd.hpp"

namespace mars::exports {

std::vector<std::string> harden_process() {
    std::vector<std::string> notes;
    auto check = [&notes](bool ok, const char* what) {
        if (!ok) notes.push_back(std::string(what) + " is not possible: " + std::strerror(errno));
    };
    // "On fault": pages stay once they are there; stacks of threads are not filled up to their limits.
    check(::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0, "locking the memory");
    check(::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0, "marking the process as one that I/O depends on");
    env::UniqueFd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    check(fd && ::write(fd.get(), "-1000", 5) == 5, "exempting the process from the OOM killer");
    return notes;
}

} // namespace mars::exports
