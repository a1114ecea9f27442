// SPDX-License-Identifier: GPL-2.0-or-later
// How far a host has come in the logs of a resource, by its replay link, the log files and the version links.
// Spec: macro-language 3.7.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/tree/view.hpp"

namespace mars::tree {

// Progress of a host in the logs of a resource. All 0 when its replay link is missing or malformed.
struct LogProgress {
    std::int64_t replay_number = 0; // N
    std::int64_t base_number = 0;   // first existing file below or at N
    std::int64_t fetch_number = 0;  // last existing file above or at N
    std::int64_t work_number = 0;   // last existing file or version link above or at N
    std::int64_t rest = 0;          // not replayed but written back, as the replay link says
    std::int64_t back = 0;          // replayed up to here, with the logs below
    std::int64_t forward_files = 0; // not yet replayed, as far as there are files
    std::int64_t forward_known = 0; // not yet replayed, as far as version links tell
};

// `directory`: that of the resource, with a slash at its end.
LogProgress log_progress(const View& view, const std::string& directory, const std::string& host,
                         const std::string& replay_link);

} // namespace mars::tree
