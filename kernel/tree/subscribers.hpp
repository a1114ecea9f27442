// SPDX-License-Identifier: GPL-2.0-or-later
// Subscribers: who wants to hear of changes in a Tree, sorted by prefix: a change costs as much as it has listeners,
// however many there are in all. Listeners may subscribe, unsubscribe and change the tree while they are called. One
// thread. Tests: tests/unit/tree/subscribers_test.cpp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/tree/tree.hpp"

namespace mars::tree {

class Subscribers : public std::enable_shared_from_this<Subscribers> {
  public:
    // A subscription may outlive this object.
    Subscription add(std::string prefix, Tree::Observer changed);
    // Calls those whose prefix `path` begins with: shorter prefixes first, then in the order in which they came.
    void notify(const std::string& path, std::string_view from);

  private:
    struct One {
        Tree::Observer changed;
        bool live = true;
    };
    using Group = std::vector<std::shared_ptr<One>>;
    std::map<std::string, Group, std::less<>> by_prefix_; // no group is empty
};

} // namespace mars::tree
