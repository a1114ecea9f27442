// SPDX-License-Identifier: GPL-2.0-or-later
// Heard: when a host was heard of last, in real time. A Lamport stamp alone cannot tell: after one wrong clock the
// cluster's clock is ahead of real time, and stands still until that has caught up.
#pragma once

#include <optional>
#include <string_view>

#include "kernel/tree/view.hpp"

namespace mars::tree {

// By the stamp of the heartbeat `actual-HOST/alive`, as long as that is not ahead of `now`, this host's real time, and
// by the time at which marsd received something here, `actual-HOST/read-time`: the later one. nullopt: never, as far as
// is known.
std::optional<Stamp> heard_at(const View& view, std::string_view host, Stamp now);

// How far the stamps of this cluster are ahead of `now`, judged by the own heartbeat of `me`; 0 when they are not.
Duration clock_lead(const View& view, std::string_view me, Stamp now);

} // namespace mars::tree
