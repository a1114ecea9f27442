// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/resource_view.hpp"

#include <algorithm>

#include "kernel/tree/handover_note.hpp"

namespace mars::resource {

std::string ResourceView::primary() const {
    auto value = view_.value(key("primary"));
    return value.starts_with("(") ? std::string() : value;
}

bool ResourceView::todo(const std::string& host, std::string_view what) const {
    return view_.flag(key("todo-" + host + "/" + std::string(what)));
}

std::optional<std::int64_t> ResourceView::sync_status(const std::string& host) const {
    return view_.number(key("syncstatus-" + host));
}

std::optional<format::ReplayLink> ResourceView::replay(const std::string& host) const {
    auto link = view_.get(key("replay-" + host));
    return link ? format::ReplayLink::parse(link->value) : std::nullopt;
}

std::optional<format::ReplayLink> ResourceView::sync_position(const std::string& host) const {
    auto link = view_.get(key("syncpos-" + host));
    return link ? format::ReplayLink::parse(link->value) : std::nullopt;
}

std::string ResourceView::version_key(std::int64_t number, const std::string& host) const {
    return key(format::version_key(number, host));
}

std::string ResourceView::version_text(std::int64_t number, const std::string& host) const {
    return view_.value(version_key(number, host));
}

std::optional<format::VersionLink> ResourceView::version(std::int64_t number, const std::string& host) const {
    auto text = version_text(number, host);
    return text.empty() ? std::nullopt : format::VersionLink::parse(text);
}

bool ResourceView::was_forced(const std::string& host) const {
    const auto designation = view_.get(key("primary"));
    const auto mark = view_.get(key("local-" + host + "/" + tree::kForcedMark));
    return designation && mark && designation->value == host && designation->stamp == mark->stamp;
}

// In a split brain members tell different lengths: the designated primary's counts.
std::optional<std::int64_t> ResourceView::final_length(const format::LogName& log) const {
    auto members = storage_members();
    std::stable_partition(members.begin(), members.end(), [&](const auto& host) { return host == primary(); });
    for (const auto& member : members) {
        const auto next = version(log.seq + 1, member);
        if (!next || next->prev.empty()) continue;
        const auto end = format::head_position(next->prev);
        if (end && end->log == log) return end->pos;
    }
    return std::nullopt;
}

std::int64_t ResourceView::applied_of(const std::string& host, const format::LogName& log) const {
    const auto position = replay(host);
    if (!position || position->log != log) return 0;
    const auto known = version(log.seq, host);
    return known && known->log == log ? std::min(position->pos, known->length) : position->pos;
}

std::vector<std::string> ResourceView::storage_members() const {
    return view_.suffixes(tree::resource_dir(resource_), "data-");
}

bool ResourceView::is_consistent(const std::string& host) const {
    auto synced = sync_status(host);
    if (!synced || *synced < size()) return false;
    auto mine = replay(host);
    if (!mine) return false;
    auto needed = sync_position(host);
    return !needed || format::compare_progress(mine->position(), needed->dirty_end()) >= 0;
}

} // namespace mars::resource
