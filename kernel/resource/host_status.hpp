// SPDX-License-Identifier: GPL-2.0-or-later
// HostStatus: the keys in `actual-ME/` that tell the cluster that this host's daemon lives and what it can do.
// Spec: symlink-tree 2.6, 4.10 (levels), 5.4 (M9); transaction-log 3.4, 11.3.
#pragma once

#include <optional>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

struct SpaceLimits {
    // GiB; level 4 is reached below limit[4], level 3 below limit[4] + limit[3], and so on.
    std::uint64_t limit[5] = {12, 2, 2, 2, 2};
};

// The emergency level for `available` bytes: 0 … 4.
int emergency_level(std::uint64_t available, const SpaceLimits& limits);

class HostStatus {
  public:
    HostStatus(env::Env& env, tree::Tree& tree, SpaceLimits limits = {});

    // This host is being stopped in order: before it takes a role that nobody has now, it will ask who may have had it
    // meanwhile. To be made durable before the last heartbeat, by which others know that they need not wait for it.
    void say_goodbye();
    // Heartbeat: `time` and `alive`, in this order after everything else (M9).
    void beat(bool is_shutting_down);
    // The lazily changing keys: features, version, space, level (rises at once, falls by one per call). `common`: the
    // checksums that all members understand.
    void publish(format::KindMask common, format::KindMask log_kinds);
    // Asks the filesystem below /mars, off the event loop: it may be slow.
    env::task<void> measure_space();
    void take_space(const result<env::SpaceInfo>& space);
    // Its size in bytes when last measured; 0: not yet.
    std::uint64_t total_bytes() const { return space_ ? space_->total_bytes : 0; }
    // Why the last heartbeat could not be written; empty when it could.
    const std::string& trouble() const { return trouble_; }
    int level() const { return level_; }

  private:
    void set(const char* key, const std::string& value);

    env::Env& env_;
    tree::Tree& tree_;
    SpaceLimits limits_;
    std::string directory_;
    std::string trouble_;
    std::optional<env::SpaceInfo> space_;
    int level_ = 0;
};

} // namespace mars::resource
