// SPDX-License-Identifier: GPL-2.0-or-later
// Purge: which version links and logs of a resource nobody needs any more, because no member's replay link leads to
// them. The decision is a pure function of the tree. Spec: verbs 2.7; symlink-tree 4.9 (X6). Tests:
// tests/unit/shell/housekeeping_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

struct PurgePlan {
    std::vector<std::string> versions; // names to be deleted, in natural order
    std::vector<std::string> logs;
    std::vector<std::string> absent; // logs that links refer to, but that are not here: for information
};

// What `me` may delete: its own objects, with `foreign` everybody's. Needed are all logs reachable from a member's
// replay link, backwards and forwards along version links. Version links of a host that is no member any more are
// needed only for logs that it has written.
PurgePlan plan_purge(const tree::View& view, std::string_view resource, std::string_view me, bool foreign);

// Plans and deletes, and commits. Starts again when a replay link has moved to another log meanwhile. Failure:
// logs.race.
env::task<result<void>> purge_logs(VerbContext& ctx, bool foreign);
// Queues the deletion of msg-err-* of ME. Spec: verbs 4.24.
void purge_errors(VerbContext& ctx);

} // namespace mars::shell
