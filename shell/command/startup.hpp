// SPDX-License-Identifier: GPL-2.0-or-later
// What must be in order before any verb runs. Spec: verbs 1.6, 1.7.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

// Host name, tree version, user, tree, membership in a cluster, --host. Failures: sys.*, name.*, dp.*.
result<void> check_startup(VerbContext& ctx);
// The tree below `root`, if there is one, can be read by this user: for whatever looks at it without being a verb that
// check_startup has let through. `what`: the words that root would type behind marsadm. Failure: sys.root.
result<void> check_readable(const Surroundings& surroundings, const std::string& root, const std::string& what);
// The resources that a request addresses.
struct Addressed {
    std::vector<std::string> names;                       // in natural order, each once
    std::vector<std::pair<std::string, failure>> missing; // names that lead to no resource: res.missing
};
// A name that is unknown here is looked for in the cluster (C-RES), and a device name is replaced by its resource. One
// that cannot be found does not stop the others (1.8). Failures: of the wait for the cluster.
env::task<result<Addressed>> expand_resources(VerbContext& ctx);

} // namespace mars::shell
