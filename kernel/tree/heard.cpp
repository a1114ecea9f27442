// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/heard.hpp"

#include <algorithm>

namespace mars::tree {

std::optional<Stamp> heard_at(const View& view, std::string_view host, Stamp now) {
    const auto directory = "actual-" + std::string(host);
    const auto alive = view.get(directory + "/alive");
    if (!alive) return std::nullopt;
    const auto received = Stamp::parse(view.value(directory + "/read-time"));
    if (alive->stamp > now) return received ? std::min(*received, now) : now; // ahead by the moment a message takes
    return received ? std::max(alive->stamp, std::min(*received, now)) : alive->stamp; // its clock may be behind
}

Duration clock_lead(const View& view, std::string_view me, Stamp now) {
    const auto alive = view.get("actual-" + std::string(me) + "/alive");
    return alive ? std::max(Duration(0), alive->stamp - now) : Duration(0);
}

} // namespace mars::tree
