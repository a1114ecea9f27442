// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/heard.hpp"

#include <algorithm>

namespace mars::tree {

std::optional<Stamp> heard_at(const View& view, std::string_view host, Stamp now) {
    const auto directory = "actual-" + std::string(host);
    const auto alive = view.get(directory + "/alive");
    if (!alive) return std::nullopt;
    if (!(alive->stamp > now)) return alive->stamp;
    const auto received = Stamp::parse(view.value(directory + "/read-time"));
    if (!received) return now; // of an earlier release, or ahead by the moment that a message takes
    return std::min(*received, now);
}

Duration clock_lead(const View& view, std::string_view me, Stamp now) {
    const auto alive = view.get("actual-" + std::string(me) + "/alive");
    return alive ? std::max(Duration(0), alive->stamp - now) : Duration(0);
}

} // namespace mars::tree
