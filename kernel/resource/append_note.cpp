// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/append_note.hpp"

namespace mars::resource {

namespace {
constexpr const char* kAppending = "appending";
} // namespace

env::task<bool> AppendNote::renew(std::string logs) {
    gone_.reset();
    auto noted = context_.host.tree.set(context_.local_key(kAppending), logs);
    if (noted) noted = co_await context_.host.tree.sync();
    if (!noted)
        context_.round.say("err-replay-stop",
                           "that " + logs + " is being written cannot be noted: " + noted.error().text);
    co_return noted.has_value();
}

void AppendNote::forget() {
    gone_.reset();
    const auto key = context_.local_key(kAppending);
    if (!context_.host.tree.has(key)) return;
    if (auto done = context_.host.tree.remove(key); !done)
        context_.quiet.warning("appending", context_.prefix() + done.error().text);
}

void AppendNote::look(bool is_appending) {
    if (const auto replay = context_.view.replay(context_.me()); gone_ && replay && replay->log.seq > gone_->seq)
        gone_.reset();
    if (!gone_ && !is_appending) gone_ = find_gone();
}

// What was acknowledged behind the end of such a log, and perhaps written to the disk, nobody knows.
std::optional<LogName> AppendNote::find_gone() const {
    const auto me = context_.me();
    const auto noted = context_.host.tree.value(context_.local_key(kAppending)); // from the disk
    const auto replay = context_.view.replay(me);
    if (noted.empty() || !replay) return std::nullopt;
    for (auto& text : format::split_fields(noted, ' ')) {
        const auto log = LogName::parse(text);
        if (!log || log->seq < replay->log.seq) continue;
        const auto length = context_.logs.length(*log);
        const auto version = context_.view.version(log->seq, me);
        const auto told = version && version->log == *log ? version->length : 0;
        if (!length || *length < std::max(told, context_.view.applied_of(me, *log))) return log;
    }
    return std::nullopt;
}

} // namespace mars::resource
