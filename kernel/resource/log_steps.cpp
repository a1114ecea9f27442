// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/log_steps.hpp"

#include "kernel/block/log_file.hpp"

namespace mars::resource {

// R4, R5, P9: the replay link moves to the begin of the next log.
env::task<bool> LogSteps::advance(const Plan& plan) {
    if (!plan.step_to) co_return false;
    const LogName next = *plan.step_to;
    const bool prepared = co_await prepare(plan);
    if (!prepared) co_return false;
    format::ReplayLink begin;
    begin.log = next;
    auto known = next.host == context_.me() ? context_.logs.length(next).value_or(0) : 0;
    if (note_.gone() == next) // what was promised of it stays
        if (const auto told = context_.view.version(next.seq, context_.me()); told && told->log == next)
            known = std::max(known, told->length);
    auto published = co_await context_.positions.publish(begin, known);
    if (!published) context_.round.say("err-versionlink-skip", published.error().text);
    if (published && plan.create_log) {
        warn_of_silence(next);
        format::LogPosition position{next, 0};
        co_await disk_.note_written(std::move(position), true);
    }
    co_return published.has_value();
}

// What must be so before it: the version link is right, a log that is given up is gone, the next one is there.
env::task<bool> LogSteps::prepare(const Plan& plan) {
    const LogName next = *plan.step_to;
    if (plan.correct_version_to) {
        const auto current = context_.view.replay(context_.me());
        if (auto done = context_.positions.correct_version(current->log, *plan.correct_version_to); !done) {
            context_.round.say("err-versionlink-not-readable", done.error().text);
            co_return false;
        }
    }
    if (plan.remove_log) {
        context_.host.env.log().warning(context_.prefix() + plan.remove_log->text() + " is given up, " + next.text() +
                                        " continues what is on the disk");
        if (auto gone = context_.host.env.storage().remove(context_.logs.path(*plan.remove_log));
            !gone && !gone.error().is(std::errc::no_such_file_or_directory)) {
            context_.round.say("err-replay-stop", gone.error().text);
            co_return false;
        }
        context_.logs.expect_changes();
    }
    if (plan.create_log) {
        auto created = co_await block::LogFile::create(context_.host.env, context_.logs.directory(), next);
        context_.logs.expect_changes();
        if (!created) {
            context_.round.say("err-replay-stop", next.text() + " cannot be created: " + created.error().text);
            co_return false;
        }
    }
    co_return true;
}

void LogSteps::warn_of_silence(const LogName& log) const {
    std::string silent;
    for (const auto& host : context_.view.storage_members())
        if (host != context_.me() && !context_.host.has_answered(host)) silent += (silent.empty() ? "" : ", ") + host;
    if (silent.empty()) return;
    context_.host.env.log().warning(context_.prefix() + log.text() + " begins, and nothing has been heard of " +
                                    silent + " since marsd started. Should " + silent +
                                    " know of a newer log, this is a split brain: 'marsadm view " +
                                    context_.view.name() + "' will say so when the line is back");
}

} // namespace mars::resource
