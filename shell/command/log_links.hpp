// SPDX-License-Identifier: GPL-2.0-or-later
// What the tree says of a resource's logs: names, replay positions, version links, split brain.
// Formats: kernel/format/{log_name,replay_link,version_link,split_brain}.hpp. Tests:
// tests/unit/shell/housekeeping_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/format/log_name.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/split_brain.hpp"
#include "kernel/tree/view.hpp"

namespace mars::shell {

// A numbered key "log-SEQ-HOST" or "version-SEQ-HOST" as it is spelled in the tree.
struct NumberedKey {
    format::LogName id;
    std::string name;
};

// All logfiles, and all version links, of a resource, by ascending number, then host.
std::vector<NumberedKey> logs_of(const tree::View& view, std::string_view resource);
std::vector<NumberedKey> versions_of(const tree::View& view, std::string_view resource);
// The highest number of any version link; 0 when there is none.
std::int64_t highest_version(const tree::View& view, std::string_view resource);
// The value of version-SEQ-HOST.
std::optional<std::string> version_of(const tree::View& view, std::string_view resource, std::int64_t seq,
                                      std::string_view host);
std::optional<format::ReplayLink> replay_of(const tree::View& view, std::string_view resource, std::string_view host);

format::SplitBrain find_split_brain(const tree::View& view, std::string_view resource);

} // namespace mars::shell
