// SPDX-License-Identifier: GPL-2.0-or-later
// HostWatch: what holds for each host as a whole, whatever its resources do: its memory, how busy it is, how many
// copies it makes at a time. Looked at whenever a name in its /mars changes.
#pragma once

#include <map>
#include <string>

#include "tests/sim/resource.hpp"

namespace mars::sim {

class Run;

class HostWatch {
  public:
    explicit HostWatch(Run& run) : run_(run) {}
    void look(Node& node, const std::string& path);

  private:
    // Of one host.
    struct Seen {
        Duration at{};           // of the last look, once a second
        std::uint64_t opens = 0; // of files, until then
        std::size_t limit = 0;   // of copies at a time; 0: none
        Duration limit_at{};
        std::size_t earlier = 0; // copies that had begun before it
    };
    std::uint64_t logs_on(const Node& node) const;
    void check_memory(const Node& node);
    void check_opens(const Node& node, Seen& seen);
    void check_copies(const Node& node, Seen& seen, bool has_new_limit);

    Run& run_;
    std::map<const Node*, Seen> seen_;
};

} // namespace mars::sim
