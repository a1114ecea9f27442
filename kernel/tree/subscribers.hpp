// SPDX-License-Identifier: GPL-2.0-or-later
// Subscribers: who wants to hear of changes in a Tree. Listeners may subscribe, unsubscribe and change the tree while
// they are called. One thread. Tests: tests/unit/tree/tree_test.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/tree/tree.hpp"

namespace mars::tree {

class Subscribers : public std::enable_shared_from_this<Subscribers> {
  public:
    // A subscription may outlive this object.
    Subscription add(std::string prefix, Tree::Observer changed);
    void notify(const std::string& path, std::string_view from);

  private:
    struct One {
        std::string prefix;
        Tree::Observer changed;
        bool live = true;
    };
    std::vector<std::shared_ptr<One>> all_;
};

} // namespace mars::tree
