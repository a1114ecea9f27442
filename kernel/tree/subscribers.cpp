// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/subscribers.hpp"

#include <algorithm>

namespace mars::tree {

Subscription Subscribers::add(std::string prefix, Tree::Observer changed) {
    auto one = std::make_shared<One>();
    one->changed = std::move(changed);
    by_prefix_[prefix].push_back(one);
    return Subscription([weak = weak_from_this(), one, prefix = std::move(prefix)] {
        one->live = false;
        auto self = weak.lock();
        if (!self) return;
        const auto group = self->by_prefix_.find(prefix);
        std::erase(group->second, one);
        if (group->second.empty()) self->by_prefix_.erase(group);
    });
}

// Of all prefixes in the map, the longest one of `rest` is the greatest that is not greater than it; if that one is no
// prefix, none is that is longer than what both have in common.
void Subscribers::notify(const std::string& path, std::string_view from) {
    std::vector<const Group*> concerned;
    std::string_view rest = path;
    while (true) {
        auto at = by_prefix_.upper_bound(rest);
        if (at == by_prefix_.begin()) break;
        --at;
        const std::string_view prefix = at->first;
        const auto common = std::mismatch(prefix.begin(), prefix.end(), rest.begin(), rest.end());
        const auto length = static_cast<std::size_t>(common.first - prefix.begin());
        const bool is_prefix = length == prefix.size();
        if (is_prefix) concerned.push_back(&at->second);
        if (is_prefix && length == 0) break;
        rest = rest.substr(0, is_prefix ? length - 1 : length);
    }
    Group called; // listeners may change the map
    for (auto group = concerned.rbegin(); group != concerned.rend(); ++group)
        called.insert(called.end(), (*group)->begin(), (*group)->end());
    for (auto& one : called)
        if (one->live) one->changed(path, from);
}

} // namespace mars::tree
