// SPDX-License-Identifier: GPL-2.0-or-later
// RoleNote: which version of a resource's `primary` is durable on this host, as members are told in
// `actual-ME/primary-seen`: they act upon it, and a power failure must not take it back.
// docs/architecture.md "News on demand". Tests: tests/unit/resource/role_note_test.cpp.
#pragma once

#include <functional>
#include <string>

#include "kernel/resource/resource_view.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

class RoleNote {
  public:
    // `seen`: what an earlier life has told, which is durable; empty: nothing is known.
    RoleNote(tree::Tree& tree, ResourceView view, std::string seen = "")
        : tree_(tree), view_(std::move(view)), seen_(std::move(seen)) {}

    // Makes the present version durable; then seen() tells it. Nothing is noted when `may_note` says no then.
    // Errors: those of syncing /mars.
    env::task<result<void>> renew(std::function<bool()> may_note);
    // "HOST,STAMP"; empty: nothing is durable for certain.
    const std::string& seen() const { return seen_; }
    static std::string text_of(const tree::Link& primary) { return primary.value + "," + primary.stamp.text(); }

  private:
    std::string present() const;

    tree::Tree& tree_;
    ResourceView view_;
    std::string seen_;
};

} // namespace mars::resource
