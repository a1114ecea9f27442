// SPDX-License-Identifier: GPL-2.0-or-later
// Plan: what one run is about, drawn from its seed: hosts, resources, and the few kinds of trouble that it meets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mars::sim {

struct ScenarioOptions {
    int steps = 0;                   // 0: drawn
    std::size_t hosts = 0;           // 0: drawn
    std::size_t resources = 0;       // 0: drawn
    std::vector<std::string> faults; // families of stages to draw from; empty: all
    bool print_trace = false;
};

struct Plan {
    struct Resource {
        std::string name;
        std::uint64_t bytes = 0;
        std::vector<std::size_t> members; // indices of hosts; the first one creates it
    };

    int steps = 0;
    std::size_t hosts = 0;
    std::vector<Resource> resources;
    std::vector<std::string_view> families; // of stages, beside the everyday ones
    std::uint64_t memory_bytes = 0;         // of each host, for all resources
    std::uint64_t rotate_bytes = 0;         // a log of so many is rotated; 0: by operators only

    std::string text() const;
};

Plan draw_plan(std::uint64_t seed, const ScenarioOptions& options);

} // namespace mars::sim
