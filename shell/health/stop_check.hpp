// SPDX-License-Identifier: GPL-2.0-or-later
// StopCheck: may a host go down now? Told from the tree, with what is known here. Tests:
// tests/unit/shell/stop_check_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "shell/health/patient.hpp"

namespace mars::shell {

struct Obstacle {
    std::string resource; // empty: the host as such
    std::string why;
    std::vector<std::string> cures;
};

struct StopCheck {
    std::vector<Obstacle> obstacles;
    std::vector<std::string> remarks; // what is so meanwhile, and no obstacle

    bool is_safe() const { return obstacles.empty(); }
};

StopCheck check_stop(const Patient& patient, const std::string& host);
std::string report_of(const StopCheck& check, const std::string& host);

// Bytes of logs that `holder` says to have, and `other` has not, by their version links.
std::int64_t bytes_ahead(const tree::View& view, std::string_view resource, const std::string& holder,
                         const std::string& other);

} // namespace mars::shell
