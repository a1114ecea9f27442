// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/subscribers.hpp"

namespace mars::tree {

Subscription Subscribers::add(std::string prefix, Tree::Observer changed) {
    auto one = std::make_shared<One>();
    one->prefix = std::move(prefix);
    one->changed = std::move(changed);
    all_.push_back(one);
    return Subscription([weak = weak_from_this(), one] {
        one->live = false;
        if (auto self = weak.lock()) std::erase(self->all_, one);
    });
}

void Subscribers::notify(const std::string& path, std::string_view from) {
    const auto called = all_; // listeners may change the list
    for (auto& one : called)
        if (one->live && path.starts_with(one->prefix)) one->changed(path, from);
}

} // namespace mars::tree
