// SPDX-License-Identifier: GPL-2.0-or-later
// What must be in order before any verb runs. Spec: verbs 1.6, 1.7.
#pragma once

#include <string>
#include <vector>

#include "shell/context.hpp"

namespace mars::shell {

// Host name, tree version, user, tree, membership in a cluster, --host. Failures: sys.*, name.*, dp.*.
result<void> check_startup(VerbContext& ctx);
// The resources that the request addresses, in natural order. A name that is unknown here is looked for in the cluster
// (C-RES), and a device name is replaced by its resource. Failures: res.missing.
env::task<result<std::vector<std::string>>> expand_resources(VerbContext& ctx);

} // namespace mars::shell
