// SPDX-License-Identifier: GPL-2.0-or-later
// Patient: what is looked at: a tree, from one host, at one moment. Refers to the tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/env/storage.hpp"
#include "kernel/tree/news.hpp"
#include "kernel/tree/view.hpp"

namespace mars::shell {

struct Patient {
    const tree::View& view;
    tree::Looker looker; // this host, now
    bool marsd_runs = true;
    std::string root = "/mars";
    std::optional<env::SpaceInfo> space = std::nullopt; // of `root`; nullopt: it cannot be asked
    Duration window = std::chrono::seconds(60);

    const std::string& me() const { return looker.me; }
    Stamp now() const { return looker.now; }
    bool is_silent(const std::string& host) const { return tree::silence_of(view, host, looker).has_value(); }
    // "for 42 s", of a key that was set then; stamps of the future tell nothing.
    std::string since(Stamp stamp) const;
    // "marsadm ARGUMENTS", to be given here for `host`.
    std::string command(const std::string& host, const std::string& arguments) const;
    std::string of_host(std::string_view resource, const std::string& host, std::string_view key) const;
    bool is_on(std::string_view resource, const std::string& host, std::string_view indicator) const;
    // The replica was copied completely, and has replayed as far as that took.
    bool is_complete(std::string_view resource, const std::string& host) const;
};

} // namespace mars::shell
