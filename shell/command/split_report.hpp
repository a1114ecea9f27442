// SPDX-License-Identifier: GPL-2.0-or-later
// What is told of a split brain: where the versions part, what each has beyond that, who has it, and the commands that
// keep it. Tests: tests/unit/shell/split_report_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/tree/view.hpp"

namespace mars::shell {

// For people; empty when there is no split brain.
std::vector<std::string> split_report(const tree::View& view, const std::string& resource);
// For programs: one JSON object with where the versions part ("last_common", "log,position" or null), and "versions";
// empty when there is no split brain.
std::string split_json(const tree::View& view, const std::string& resource);

} // namespace mars::shell
