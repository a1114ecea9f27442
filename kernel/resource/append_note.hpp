// SPDX-License-Identifier: GPL-2.0-or-later
// AppendNote: which logs this host is writing (`local-HOST/appending`): known durably before anything in them is
// acknowledged, and until the last position has been published in an orderly stop. Such logs exist; one that is missing
// or short after a crash has gone. docs/formats/witness.md. Runs on: the host's executor. Tests: tests/unit/cluster.
#pragma once

#include <optional>
#include <string>

#include "kernel/resource/context.hpp"

namespace mars::resource {

class AppendNote {
  public:
    explicit AppendNote(Context& context) : context_(context) {}

    // `logs`: names, separated by blanks. False, and said: the note is not durable.
    env::task<bool> renew(std::string logs);
    void forget();
    // Looks again for the first log that was being written at a crash, and is not all here; not while this host
    // appends.
    void look(bool is_appending);
    // A log that is being copied back is not known to be complete before a restart.
    const std::optional<LogName>& gone() const { return gone_; }

  private:
    std::optional<LogName> find_gone() const;

    Context& context_;
    std::optional<LogName> gone_;
};

} // namespace mars::resource
