// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/story.hpp"

#include <algorithm>
#include <cstdio>

namespace mars::sim {

namespace {
constexpr std::size_t kLineBytes = 240;
}

void Story::tell(const std::string& what) {
    world_->trace("-- " + what);
    char time[32];
    std::snprintf(time, sizeof time, "%9.3f ", static_cast<double>(world_->now().count()) / 1e9);
    auto line = time + what;
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (line.size() > kLineBytes) line = line.substr(0, kLineBytes) + "…";
    lines_.push_back(line);
}

std::vector<std::string> Story::lines(std::size_t most) const {
    if (lines_.size() <= most) return lines_;
    const auto first = static_cast<std::ptrdiff_t>(most / 4); // the end matters more
    const auto last = static_cast<std::ptrdiff_t>(most) - first - 1;
    std::vector<std::string> some(lines_.begin(), lines_.begin() + first);
    some.push_back("          … " + std::to_string(lines_.size() - most + 1) +
                   " lines are left out, --trace has them …");
    some.insert(some.end(), lines_.end() - last, lines_.end());
    return some;
}

} // namespace mars::sim
