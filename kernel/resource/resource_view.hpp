// SPDX-License-Identifier: GPL-2.0-or-later
// ResourceView: the keys of one resource as typed values, read from any tree View. Keeps nothing.
// Keys: docs/formats/tree.md. Spec: symlink-tree 2.7 … 2.11.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"
#include "kernel/tree/view.hpp"

namespace mars::resource {

class ResourceView {
  public:
    ResourceView(const tree::View& view, std::string resource) : view_(view), resource_(std::move(resource)) {}

    const std::string& name() const { return resource_; }
    std::string key(std::string_view rest) const { return tree::resource_key(resource_, rest); }

    // The designated primary; empty when there is none (missing or "(none)").
    std::string primary() const;
    std::int64_t size() const { return view_.number(key("size")).value_or(0); }
    bool todo(const std::string& host, std::string_view what) const;
    std::optional<std::int64_t> sync_status(const std::string& host) const;
    std::optional<format::ReplayLink> replay(const std::string& host) const;
    std::optional<format::ReplayLink> sync_position(const std::string& host) const;
    std::optional<format::VersionLink> version(std::int64_t number, const std::string& host) const;
    // The raw text of a version link; empty when absent. Equal texts mean equal histories.
    std::string version_text(std::int64_t number, const std::string& host) const;
    // How long `log` became before its successor began, as a member's version link of the successor tells. Empty while
    // no member has told.
    std::optional<std::int64_t> final_length(const format::LogName& log) const;
    // `host` is the designated primary because of `primary --force`, which no other designation has followed.
    bool was_forced(const std::string& host) const;
    // Bytes of `log` that are on `host`'s disk for certain (transaction-log P4); 0 for logs other than that of the
    // position.
    std::int64_t applied_of(const std::string& host, const format::LogName& log) const;
    // Hosts with a disk in this resource, in natural order.
    std::vector<std::string> storage_members() const;
    // "version-SEQ9-HOST".
    std::string version_key(std::int64_t number, const std::string& host) const;

    // True when the content of `host`'s disk is some past state of the primary's: its sync has finished and replay has
    // reached everything that may have been under way when it ended (Y11, TL-Y2).
    bool is_consistent(const std::string& host) const;

    const tree::View& tree() const { return view_; }

  private:
    const tree::View& view_;
    std::string resource_;
};

} // namespace mars::resource
