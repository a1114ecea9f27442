// SPDX-License-Identifier: GPL-2.0-or-later
// RoleAgreement: before this host becomes primary, who may have another belief of who is to be primary must have seen
// that it is this one; and what this host has seen of it is told. docs/architecture.md "News on demand" and
// "Deviations" (primary-seen). Runs on: the host's executor. Tests: tests/unit/resource/role_agreement_test.cpp,
// tests/sim.
#pragma once

#include <optional>
#include <string>

#include "kernel/resource/host.hpp"
#include "kernel/resource/resource_view.hpp"
#include "kernel/resource/role_note.hpp"

namespace mars::resource {

class RoleAgreement {
  public:
    RoleAgreement(Host& host, ResourceView view) : host_(host), view_(view), note_(host.tree, std::move(view)) {}

    RoleNote& note() { return note_; }
    const RoleNote& note() const { return note_; }
    // Members, by comma, that have not yet seen that this host is to be primary, or are primary themselves; empty: all
    // have, or this host is not to be it, or is at work already. May ask them for news.
    std::string unaware_members(bool is_at_work);
    // Members were asked for news, which may arrive.
    bool is_waiting() const { return asked_.has_value(); }

  private:
    bool is_stopped(const std::string& host) const;
    bool has_said_goodbye(const std::string& host) const;

    Host& host_;
    ResourceView view_;
    RoleNote note_;
    std::optional<Stamp> asked_; // the question to those that know that this host is to be primary
};

} // namespace mars::resource
