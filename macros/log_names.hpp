// SPDX-License-Identifier: GPL-2.0-or-later
// What the macro language needs of the names of log files and of replay and version links.
// Spec: macro-language 3.7, 3.10; symlink-tree 3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/tree/view.hpp"

namespace mars::macros {

// "log-NNNNNNNNN-HOST" or "version-NNNNNNNNN-HOST".
struct NumberedName {
    std::int64_t number = 0;
    std::string host;

    bool operator==(const NumberedName&) const = default;
};

std::optional<NumberedName> parse_numbered_name(std::string_view prefix, std::string_view name);
std::string numbered_name(std::string_view prefix, std::int64_t number, std::string_view host);

// "log-NNNNNNNNN-HOST,POSITION[,REST]".
struct LogPosition {
    NumberedName log;
    std::int64_t position = 0;
    std::int64_t rest = 0;

    // Rest does not count: it tells how much is being written back.
    bool same_place(const LogPosition& other) const { return log == other.log && position == other.position; }
};

std::optional<LogPosition> parse_log_position(std::string_view text);

// Do the histories of two hosts of the resource directory `dir` contradict each other?
bool histories_split(const tree::View& view, const std::string& dir);

} // namespace mars::macros
