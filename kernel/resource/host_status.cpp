// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/host_status.hpp"

#include <algorithm>

#include "kernel/format/compression.hpp"
#include "kernel/format/link_values.hpp"

namespace mars::resource {

namespace {

constexpr std::uint64_t kGiB = std::uint64_t(1) << 30;
// The digits before the parenthesis must exceed 97 for older admin tools (2.6).
constexpr const char* kBuildTag = "mars0.2-200(2026-11-21 00:00:00)";

} // namespace

int emergency_level(std::uint64_t available, const SpaceLimits& limits) {
    std::uint64_t sum = 0;
    for (int level = 4; level >= 1; --level) {
        sum += limits.limit[level] * kGiB;
        if (available < sum) return level;
    }
    return 0;
}

HostStatus::HostStatus(env::Env& env, tree::Tree& tree, SpaceLimits limits)
    : env_(env), tree_(tree), limits_(limits), directory_("actual-" + env.hostname()) {}

void HostStatus::set(const char* key, const std::string& value) {
    (void)tree_.set(directory_ + "/" + key, value); // best effort: a full /mars must not stop the daemon
}

env::task<void> HostStatus::measure_space() {
    const auto space = co_await env_.storage().measure_space(tree_.root());
    take_space(space);
}

void HostStatus::take_space(const result<env::SpaceInfo>& space) {
    if (space) space_ = *space; // else the last known one stays
}

void HostStatus::say_goodbye() {
    (void)tree_.touch(directory_ + "/stopped", "1"); // best effort: else others wait for an answer
}

void HostStatus::beat(bool is_shutting_down) {
    auto told = tree_.touch(directory_ + "/time", tree_.lamport().now().text());
    trouble_ = told ? "" : "nothing can be told: " + told.error().text;
    set("read-time", env_.clock().now().text());
    (void)tree_.touch(directory_ + "/alive", is_shutting_down ? "0" : "1");
}

void HostStatus::publish(format::KindMask common, format::KindMask log_kinds) {
    set("tree", "0.1");
    const format::Features features; // what this release can do
    format::Features usable = features;
    usable.mask = common;
    set("features", features.text());
    set("usable", usable.text());
    constexpr std::size_t kRecordBytes = 4096;
    const auto number = [](auto kind) { return std::to_string(static_cast<format::KindMask>(kind)); };
    set("used-log-digest", number(format::preferred_digest(log_kinds, kRecordBytes)));
    set("used-net-digest", number(format::preferred_digest(common, kRecordBytes)));
    const auto compression = format::preferred_compression(log_kinds);
    set("used-log-compression", compression ? number(*compression) : "0");
    set("used-net-compression", "0");
    set("buildtag", kBuildTag);
    if (!space_) return;
    const int now = emergency_level(space_->available_bytes, limits_);
    level_ = std::max(now, level_ - 1);
    std::uint64_t reserve = 0;
    for (int i = 1; i <= 4; ++i) reserve += limits_.limit[i] * kGiB;
    auto beyond = [reserve](std::uint64_t bytes) { return bytes > reserve ? (bytes - reserve) / kGiB : 0; };
    set("emergency", std::to_string(level_));
    set("rest-space", std::to_string(beyond(space_->available_bytes)));
    set("total-space", std::to_string(beyond(space_->total_bytes)));
}

} // namespace mars::resource
