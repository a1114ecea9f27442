// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/append_runner.hpp"

#include "kernel/block/log_file.hpp"

namespace mars::resource {

namespace {
constexpr Duration kRotationRetry = std::chrono::milliseconds(100); // while the log before is still being written back
constexpr Duration kTellAtEnd = std::chrono::seconds(10);           // systemd's patience has an end, too
constexpr Duration kPause = std::chrono::seconds(10);               // between bursts of writes
} // namespace

void AppendRunner::observe(Local& local) {
    local.is_append_over = engine_.is_log_failed() || engine_.is_stopped();
    local.appending_to = engine_.log();
    if (is_running()) local.rotate_at = rotation_limit();
    local.device_exists = engine_.device_exists();
    local.open_count = engine_.open_count();
}

// Transaction-log 17.1: 0 = off; else min(value, max(1, size / 32)) GiB.
std::int64_t AppendRunner::rotation_limit() const {
    constexpr std::uint64_t kGiB = std::uint64_t(1) << 30;
    auto limit = host_.tunables.rotate_bytes;
    if (const auto total = host_.total_bytes(); limit > 0 && total > 0)
        limit = std::min(limit, std::max(kGiB, total / 32));
    return static_cast<std::int64_t>(limit);
}

bool AppendRunner::is_wanted(const Plan& plan) const {
    return plan.work == Work::append && (plan.device || !engine_.device_exists());
}

env::task<bool> AppendRunner::stop(const Plan& plan) {
    if (engine_.device_exists() && !plan.device) co_return co_await engine_.close_device();
    if (plan.work != Work::append) co_return co_await finish();
    co_return false;
}

// Until the final positions are published, this host remains primary in the eyes of the others: they might take over
// without the last records. A full /mars can make that wait.
env::task<bool> AppendRunner::finish() {
    if (!engine_.is_stopped()) {
        source_->withdraw();
        source_.reset();
        const bool is_whole = co_await engine_.stop(); // everything is written back
        for (const auto& progress : engine_.open_logs())
            if (!is_whole) tails_[progress.log] = static_cast<std::int64_t>(progress.durable);
    }
    auto published = co_await engine_.publish(context_.positions);
    if (!published) {
        context_.round.say("err-versionlink-not-readable",
                           "the last position cannot be published: " + published.error().text);
        if (!gives_up_telling()) co_return false;
        context_.host.env.log().error(context_.prefix() + "marsd ends without having told where its writes end (" +
                                      published.error().text + "); nothing is lost, it is told after the next start; " +
                                      "next: make room (df -h /mars; df -i /mars) before");
        host_.has_untold = has_untold_ = true; // and its note stays, as after a crash
        engine_.forget();
        co_return true;
    }
    engine_.forget();
    note_.forget();
    co_return true;
}

// While marsd is being stopped, nobody takes the role; and a full /mars may stay full.
bool AppendRunner::gives_up_telling() {
    if (!context_.is_ending) return false;
    if (!untold_since_) untold_since_ = context_.now();
    const auto waited = context_.now() - *untold_since_;
    if (waited < kTellAtEnd) context_.round.look_again_in(kTellAtEnd - waited);
    return waited >= kTellAtEnd;
}

env::task<bool> AppendRunner::cut_tails() {
    while (!tails_.empty()) {
        auto [log, length] = *tails_.begin();
        const auto name = log;
        auto cut = co_await context_.logs.cut(std::move(log), length);
        if (!cut && !cut.error().is(std::errc::no_such_file_or_directory)) {
            context_.round.say("err-replay-stop", cut.error().text + "; tried again; next: mend the storage below " +
                                                      context_.logs.directory());
            co_return false;
        }
        tails_.erase(name);
    }
    co_return true;
}

env::task<bool> AppendRunner::advance(const Plan& plan, std::shared_ptr<block::Disk> disk) {
    if (!is_running()) {
        if (plan.work != Work::append) co_return false;
        co_return co_await start(plan, std::move(disk));
    }
    if (plan.device && engine_.device_exists()) co_await look_after_device();
    if (!plan.device || engine_.device_exists()) co_return false;
    co_return co_await create_device();
}

env::task<bool> AppendRunner::start(const Plan& plan, std::shared_ptr<block::Disk> disk) {
    const bool noted = co_await note_.renew(plan.log.text());
    if (!noted) co_return false;
    auto started = co_await engine_.start(*disk, plan.log);
    if (!started) {
        context_.round.say("err-replay-stop", plan.log.text() + " cannot be opened: " + started.error().text);
        co_return false;
    }
    disk_.withdraw_trust();
    source_ = std::make_shared<DiskSource>(std::move(disk));
    co_return true;
}

env::task<bool> AppendRunner::create_device() {
    const std::string name = host_.tree.value(view_.key("device-" + host_.me()), view_.name());
    const std::string device = name.starts_with("(") ? view_.name() : name;
    auto created = co_await engine_.create_device(device);
    if (!created)
        context_.round.say("err-replay-stop", "/dev/mars/" + device + " cannot be made: " + created.error().text);
    co_return created.has_value();
}

env::task<void> AppendRunner::look_after_device() {
    const auto now = context_.now();
    if (now - device_seen_at_ >= host_.tunables.report_interval) {
        device_seen_at_ = now;
        device_trouble_ = co_await engine_.look_after_device();
    }
    if (!device_trouble_.empty()) context_.round.say("err-replay-stop", device_trouble_);
}

env::task<bool> AppendRunner::rotate(const Plan& plan) {
    if (!plan.rotate_to || !is_running()) co_return false;
    if (!engine_.may_rotate()) {
        context_.round.look_again_in(kRotationRetry);
        co_return false;
    }
    const auto refused = [&](const std::string& why) {
        context_.round.say("wrn-log-consecutive", why);
        return false;
    };
    auto next = *plan.rotate_to; // named: g++ 12 destroys temporaries of a co_await twice
    auto created = co_await block::LogFile::create(host_.env, context_.logs.directory(), std::move(next));
    if (!created) co_return refused(plan.rotate_to->text() + " cannot be created: " + created.error().text);
    const bool noted = co_await note_.renew(plan.log.text() + " " + plan.rotate_to->text());
    if (!noted) co_return false;
    auto rotated = co_await engine_.rotate(*plan.rotate_to);
    if (!rotated) co_return refused("rotation to " + plan.rotate_to->text() + ": " + rotated.error().text);
    format::LogPosition begin{*plan.rotate_to, 0};
    co_await disk_.note_written(std::move(begin), true);
    co_return true;
}

env::task<result<bool>> AppendRunner::publish() {
    if (!is_running()) co_return false;
    MARS_CO_TRY_VOID(co_await engine_.publish(context_.positions));
    co_return true;
}

// What is missing elsewhere is not older than the begin of the burst of writes that it belongs to: for who was level
// until then, a pause before is no lag.
void AppendRunner::note_burst() {
    const auto logs = engine_.is_running() ? engine_.open_logs() : std::vector<block::LogProgress>();
    if (logs.empty()) {
        looked_at_.reset();
        return;
    }
    const auto now = host_.tree.lamport().now();
    const format::LogPosition end{logs.back().log, static_cast<std::int64_t>(logs.back().durable)};
    if (looked_at_ && end != end_) {
        if (!grown_at_ || context_.now() - *grown_at_ > kPause) burst_ = tree::WriteBurst{*looked_at_, end_};
        grown_at_ = context_.now();
    }
    looked_at_ = now;
    end_ = end;
}

void AppendRunner::add_facts(Facts& facts) {
    note_burst();
    facts.burst = burst_;
    facts.is_primary = is_running() || has_untold_; // others must not take it for a former one
    if (is_running()) facts.replay_code = "0";
    facts.device_exists = engine_.device_exists();
    facts.open_count = engine_.open_count();
    if (const auto failed = engine_.failed()) facts.device_error = -failed->code.value();
}

void AppendRunner::add_messages(std::map<std::string, std::string>& messages) const {
    if (auto failed = engine_.failed()) messages.emplace("err-replay-stop", failed->text);
}

} // namespace mars::resource
