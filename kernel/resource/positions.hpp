// SPDX-License-Identifier: GPL-2.0-or-later
// Positions: publishes how far this host is in a resource's logs: first the replay link, then the version link, and
// never a jump in the numbers that nobody has permitted. Only positions that are durable may be handed in. Spec:
// symlink-tree 3.1 … 3.4 (W1 … W4), 1.10; transaction-log 9.1, 9.2.
#pragma once

#include <string>

#include "kernel/resource/resource_view.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

class Positions {
  public:
    Positions(tree::Tree& tree, const std::string& resource, std::string me);

    // `replay`: applied to the disk (pos) and possibly touched (pos + dirty). `known_length`: bytes of that log that
    // are durable here. Unchanged values are left alone. When the number grows, /mars is synced before this returns.
    // Fails with errc::invalid_argument for a forbidden jump (err-versionlink-skip); nothing is written then.
    env::task<result<void>> publish(format::ReplayLink replay, std::int64_t known_length);
    // Rewrites the version link of `log` alone, also when unchanged (P9, R7).
    result<void> correct_version(const format::LogName& log, std::int64_t length);

  private:
    // What was published last, and the version of the directory after that.
    struct Told {
        format::ReplayLink replay;
        std::int64_t known_length = 0;
        std::uint64_t version = 0;
    };

    bool may_publish(std::int64_t number) const;
    result<void> write_version(const format::LogName& log, std::int64_t length, bool restamp);

    tree::Tree& tree_;
    ResourceView view_;
    std::string me_;
    Told told_;
};

} // namespace mars::resource
