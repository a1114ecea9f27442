// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/quiet_log.hpp"

namespace mars::env {

namespace {
constexpr std::size_t kMaxKeys = 1024;
} // namespace

void QuietLog::warning(const std::string& key, std::string_view line) {
    auto now = env_.clock().steady();
    auto found = entries_.find(key);
    if (found != entries_.end() && now - found->second.written < interval_) {
        ++found->second.left_out;
        return;
    }
    std::string text(line);
    if (found != entries_.end() && found->second.left_out > 0)
        text += " left_out=" + std::to_string(found->second.left_out);
    env_.log().warning(text);
    if (found == entries_.end() && entries_.size() >= kMaxKeys) forget_old(now);
    entries_[key] = Entry{now, 0};
}

void QuietLog::forget_old(Duration now) {
    std::erase_if(entries_, [&](const auto& e) { return now - e.second.written >= interval_; });
    if (entries_.size() >= kMaxKeys) entries_.clear(); // then some lines come twice; memory stays bounded
}

} // namespace mars::env
