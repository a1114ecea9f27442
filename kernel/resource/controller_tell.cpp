// SPDX-License-Identifier: GPL-2.0-or-later
// What a Controller tells others of its resource, and when.
#include <algorithm>

#include "kernel/resource/controller.hpp"

namespace mars::resource {

Facts Controller::facts() {
    Facts facts;
    if (disk_.get()) facts.disk_size = disk_.get()->size();
    facts.disk_error = disk_.error();
    facts.damaged_log = health_.damaged();
    facts.primary_seen = role_.note().seen();
    for (auto* runner : runners_) runner->add_facts(facts);
    return facts;
}

void Controller::publish_state(const Plan& plan) {
    publication_.publish_state(facts());
    auto messages = plan.messages;
    messages.insert(round_.said().begin(), round_.said().end());
    if (disk_.is_hanging()) messages.emplace("err-disk-hangs", disk_.hanging_text());
    if (!disk_.doubt().empty()) messages.emplace("err-disk-mismatch", disk_.doubt());
    for (auto* runner : runners_) runner->add_messages(messages);
    is_quiet_ = messages.empty();
    messages_.publish(messages);
}

env::task<void> Controller::tell(bool is_asked) {
    const bool told = co_await publish_positions();
    if (!is_recovered_) co_return;
    publication_.publish_state(facts());
    if (disk_.is_hanging()) messages_.say("err-disk-hangs", disk_.hanging_text()); // the rounds may be waiting for it
    // Who asks at the end of a copy believes only a primary that was at work after it had heard of the question.
    if (is_asked && told && append_.is_running() && is_being_copied()) publication_.beat("actual-%/is-primary", "1");
}

bool Controller::is_being_copied() const {
    const auto members = view_.storage_members();
    return std::any_of(members.begin(), members.end(), [this](const std::string& host) {
        return host != host_.me() && view_.sync_status(host).value_or(0) < view_.size();
    });
}

env::task<bool> Controller::publish_positions() {
    bool has_position = false;
    result<void> done;
    for (auto* runner : runners_) {
        auto published = co_await runner->publish();
        if (!published) done = published.error();
        if (!published || *published) has_position = true;
    }
    const auto version = host_.tree.version_of(tree::resource_dir(view_.name()));
    if (!has_position && is_recovered_ && (version == 0 || version != zero_version_sought_)) {
        done = health_.replace_zero_version();
        zero_version_sought_ = done ? version : 0;
    }
    if (!done) // tried again with the next heartbeat
        quiet_.warning("positions", context_.prefix() + "positions are not published: " + done.error().text);
    publication_.publish_rates(facts());
    co_return done.has_value();
}

// For others, who wait for it, while a round may be held up by a disk or a log. A host that holds the role, or is about
// to, tells only between its steps what it acts upon.
env::task<void> Controller::tell_role() {
    const auto is_free = [this] { return !append_.is_running() && !is_starting_; };
    if (!is_free()) co_return;
    (void)co_await role_.note().renew(is_free); // the round tells of failures
    if (const auto& seen = role_.note().seen(); !seen.empty()) publication_.set("actual-%/primary-seen", seen);
}

} // namespace mars::resource
