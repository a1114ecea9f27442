// SPDX-License-Identifier: GPL-2.0-or-later
// Publication: what a host tells all others about the state of one resource: Facts, and the table (publication.cpp)
// that maps them to keys. Positions and versions of logs are told by Positions, texts for the operator by Messages.
// Runs on: the host's executor. Spec: symlink-tree 2.7. Tests: tests/unit/resource/publication_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/format/log_name.hpp"
#include "kernel/resource/resource_view.hpp"
#include "kernel/tree/tree.hpp"
#include "kernel/tree/write_burst.hpp"

namespace mars::resource {

// Per second; 0 while nothing runs.
struct Rate {
    std::uint64_t amount = 0; // KiB
    std::uint64_t operations = 0;

    bool operator==(const Rate&) const = default;
};

struct Facts {
    std::optional<std::uint64_t> disk_size; // bytes, of a disk that is attached
    int disk_error = 0;                     // why not: -errno
    bool is_replaying = false;
    bool is_fetching = false;
    bool is_syncing = false;
    bool is_primary = false; // at work
    std::optional<format::LogName> damaged_log;
    std::string replay_code = "0"; // how the last replay ended
    int device_error = 0;          // why the device gives errors: -errno
    int open_count = 0;
    bool device_exists = false;
    std::string primary_seen;              // which version of `primary` this host acts upon; empty: nothing is durable
    std::optional<Stamp> newest_applied;   // when the newest write that replay has applied had arrived at the primary
    std::optional<tree::WriteBurst> burst; // of a primary
    Rate fetch_rate, replay_rate, sync_rate;

    bool operator==(const Facts&) const = default;
};

class Publication {
  public:
    Publication(env::Env& env, tree::Tree& tree, ResourceView view);

    // Best effort, all of them: a full /mars must not stop the data path; the next time tries again. They cost next to
    // nothing when nothing is new: neither the facts, nor what stands in the tree.
    void publish_state(const Facts& facts);
    void publish_rates(const Facts& facts);
    // Of an earlier life, no device and no opener is left.
    void begin();
    bool set(std::string_view key, std::string_view value);
    // Also renews the stamp: it is known to be so now.
    bool beat(std::string_view key, std::string_view value);

  private:
    // What was told, and the versions of the two directories after that.
    struct Told {
        std::optional<Facts> facts; // empty: not all of it
        std::uint64_t of_resource = 0, of_host = 0;
    };
    struct Beat {
        Duration interval;
        Duration next{-1}; // steady; negative: now
    };

    bool is_told(const Told& told, const Facts& facts) const;
    void remember(Told& told, const Facts& facts) const;
    bool is_due(Beat& beat);
    std::string full_key(std::string_view key) const;

    env::Env& env_;
    tree::Tree& tree_;
    ResourceView view_;
    std::string directory_; // of the host in the resource
    Told state_, rates_;
    Beat roles_, openers_;
};

} // namespace mars::resource
