// SPDX-License-Identifier: GPL-2.0-or-later
// The coroutines of create-resource and join-resource, which have files of their own. Spec: verbs 4.8, 4.9.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

env::task<result<Step>> create_resource(VerbContext& ctx);
env::task<result<Step>> join_resource(VerbContext& ctx);

} // namespace mars::shell
