// SPDX-License-Identifier: GPL-2.0-or-later
// LogSteps: this host goes on from the log that its position is in to the next one, which it makes if that is to be an
// own one. Nothing works on the disk meanwhile. Runs on: the host's executor. Spec: symlink-tree R4, R5, P9.
// Tests: tests/unit/cluster, tests/sim.
#pragma once

#include "kernel/resource/append_note.hpp"
#include "kernel/resource/attached_disk.hpp"
#include "kernel/resource/context.hpp"
#include "kernel/resource/decide.hpp"

namespace mars::resource {

class LogSteps {
  public:
    LogSteps(Context& context, AttachedDisk& disk, const AppendNote& note)
        : context_(context), disk_(disk), note_(note) {}

    // Does the step that the plan says. True: it is done.
    env::task<bool> advance(const Plan& plan);

  private:
    env::task<bool> prepare(const Plan& plan);
    void warn_of_silence(const LogName& log) const;

    Context& context_;
    AttachedDisk& disk_;
    const AppendNote& note_;
};

} // namespace mars::resource
