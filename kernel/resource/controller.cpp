// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/controller.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace mars::resource {

using namespace std::chrono_literals;

namespace {

constexpr int kManySteps = 1000; // in one go; some tens are usual
constexpr Duration kRecoverAgain = std::chrono::seconds(1);
constexpr Duration kAskedLately = 2s;
constexpr Duration kListLogs = 300s;

} // namespace

Controller::Controller(Host& host, std::string resource)
    : host_(host), view_(host.tree, std::move(resource)), signal_(host.env), changed_(host.env.lot()),
      logs_(std::make_shared<LogStore>(host.env, host.tree.absolute(tree::resource_dir(view_.name())), host.me(),
                                       [view = view_](const LogName& log) { return view.final_length(log); })),
      positions_(host.tree, view_.name(), host.me()),
      quiet_(host.env), context_{host_, view_, *logs_, positions_, signal_, round_, quiet_},
      publication_(host.env, host.tree, view_), messages_(host.env, host.tree, view_.key("actual-" + host.me())),
      append_note_(context_), disk_(context_, append_note_), role_(host, view_),
      repair_engine_(host.env, view_.name(), *logs_, signal_, host.tunables.log_port),
      health_(context_, repair_engine_), replay_(context_, health_), sync_(context_, disk_),
      repair_(context_, health_, repair_engine_), fetch_(context_, changed_), append_(context_, disk_, append_note_),
      log_steps_(context_, disk_, append_note_), tasks_(host.env) {}

Controller::~Controller() = default;

void Controller::start() {
    subscribe();
    auto follow = [](Controller* self) -> env::task<void> {
        while (true) { // what the fetch has to say
            co_await self->changed_.wait();
            self->signal_.set();
        }
    };
    auto follow_logs = [](Controller* self) -> env::task<void> {
        while (true) {
            co_await self->logs_->changed().wait();
            const bool is_growth = !self->logs_->take_more_than_growth();
            if (!self->append_.is_running()) self->hear(is_growth);
        }
    };
    tasks_.spawn("controller " + view_.name(), run());
    tasks_.spawn("fetch news " + view_.name(), follow(this));
    tasks_.spawn("log news " + view_.name(), follow_logs(this));
}

// Of the states that hosts publish, two take part in decisions: the primary's answer at the end of a sync, and which
// version of `primary` members have seen.
void Controller::subscribe() {
    const auto states = view_.key("actual-");
    auto in_resource = [this, states](const std::string& path) {
        if (path.starts_with(states)) {
            const bool is_role = path.ends_with("/primary-seen") || path.ends_with("/is-primary");
            if (is_role && !append_.is_running() && view_.primary() == host_.me()) signal_.set();
            return;
        }
        if (path.find("/log-") != std::string::npos) logs_->expect_changes();
        const bool is_version = path.find("/version-") != std::string::npos;
        if (is_version) logs_->changed().notify(); // a log may be known as complete
        hear(is_version || path.find("/replay-") != std::string::npos);
    };
    auto of_hosts = [this](const std::string& path) {
        if ((sync_.is_complete() || role_.is_waiting()) && path.find("/answer-") != std::string::npos) signal_.set();
    };
    resource_news_ = host_.tree.subscribe(tree::resource_dir(view_.name()) + "/", in_resource);
    host_news_ = host_.tree.subscribe("actual-", of_hosts);
}

// How far somebody has come is told all the time. In a handover, and when an operator asks, others wait for what comes
// next.
void Controller::hear(bool is_progress) {
    const auto primary = view_.primary();
    const bool is_handover = primary.empty() || (primary == host_.me() && !append_.is_running());
    if (is_progress && !is_handover && !host_.questions.is_asked_here(kAskedLately))
        signal_.note();
    else
        signal_.set();
}

void Controller::shut_down() {
    context_.is_ending = true;
    signal_.set();
}

bool Controller::is_at_rest() const {
    return !disk_.get() && std::none_of(runners_.begin(), runners_.end(), [](auto* one) { return one->is_running(); });
}

std::string Controller::write_counters() const {
    const auto counters = append_.engine().counters();
    return counters ? counters->text() : "";
}

std::string Controller::busy_with() const {
    if (const auto openers = append_.engine().open_count(); openers > 0)
        return "resource " + view_.name() + ": the device is in use by " + std::to_string(openers) +
               " openers; unmount it";
    return is_at_rest() ? "" : "resource " + view_.name() + " is being stopped";
}

env::task<void> Controller::stop() {
    co_await tasks_.stop();
}

env::task<void> Controller::run() {
    while (true) {
        round_.begin(host_.tunables.scan_interval);
        const bool again = co_await round();
        if (again) { // others have their turn between two steps, whatever goes wrong here
            if (++steps_ % kManySteps != 0) {
                co_await boost::asio::post(host_.env.get_executor(), boost::asio::use_awaitable);
            } else {
                host_.env.log().error(context_.prefix() + std::to_string(steps_) +
                                      " steps without an end; this is an error of marsd");
                co_await host_.env.clock().sleep(1s);
            }
            continue;
        }
        steps_ = 0;
        co_await pause();
    }
}

// Of all that matters there is news; looking all the same is for what nobody tells of: the age of things, a device
// whose node was removed. Where nothing is to be done, and nothing is to be said, that becomes rarer.
env::task<void> Controller::pause() {
    const auto usual = host_.tunables.scan_interval;
    if (round_.next_look() < usual) {
        (void)co_await signal_.wait(round_.next_look());
        quiet_rounds_ = 0;
        co_return;
    }
    const int doublings =
        std::min(quiet_rounds_, append_.engine().open_count() > 0 ? 1 : 2); // of a device in use, sooner
    const auto limit = is_quiet_ ? usual * (1 << doublings) : usual;
    const bool is_news = co_await signal_.wait(limit - some_of(limit / 4));
    quiet_rounds_ = is_news ? 0 : quiet_rounds_ + 1;
    if (context_.now() - logs_listed_at_ < kListLogs) co_return;
    logs_listed_at_ = context_.now();
    logs_->expect_changes(); // it has been told of all, if the watch works
}

// Not all resources look at the same time.
Duration Controller::some_of(Duration most) const {
    return Duration(static_cast<std::int64_t>(
        host_.env.random().below(static_cast<std::uint64_t>(std::max<std::int64_t>(most.count(), 1)))));
}

namespace {

Plan without_logs(Plan plan) {
    Plan rest;
    rest.open_disk = plan.open_disk;
    rest.messages = std::move(plan.messages);
    return rest;
}

} // namespace

env::task<bool> Controller::round() {
    if (!is_recovered_) is_recovered_ = co_await recover();
    if (!is_recovered_) co_return false; // nothing is published before it is known what an earlier life has left
    if (logs_->take_changes()) {
        auto refreshed = co_await logs_->refresh();
        if (!refreshed) round_.say("err-bad-log-name", "logs cannot be listed: " + refreshed.error().text);
    }
    for (auto* runner : runners_) {
        if (!runner->has_ended()) continue;
        (void)co_await publish_positions();
        co_await runner->take_outcome();
        if (runner == &replay_) sync_.end_replays_turn();
    }
    co_await health_.settle(replay_.is_running() || append_.is_running());
    if (!on_disk() || append_.is_running()) co_await disk_.look_for_return(append_.is_running());
    auto noted = co_await role_.note().renew([] { return true; });
    if (!noted) round_.say("err-replay-stop", noted.error().text);
    bool are_logs_usable = true;
    if (append_.has_left_tails() && !append_.is_running()) are_logs_usable = co_await append_.cut_tails();
    const Local local = observe();
    Plan plan = decide(host_.tree, view_.name(), local);
    if (!are_logs_usable) plan = without_logs(std::move(plan));
    is_starting_ = plan.work == Work::append || plan.create_log;
    const bool again = co_await act(plan);
    is_starting_ = false;
    if (!again) co_await disk_.renew_witness(false, sync_.is_complete());
    publish_state(plan);
    co_return again;
}

env::task<bool> Controller::recover() {
    const auto now = context_.now();
    if (recover_again_at_ > now) { // what wakes us meanwhile helps nothing
        round_.look_again_in(recover_again_at_ - now);
        co_return false;
    }
    publication_.begin();
    (void)logs_->take_changes(); // it lists them
    auto recovered = co_await health_.recover();
    if (!recovered) {
        host_.env.log().error(context_.prefix() + "local logs: " + recovered.error().text + "; tried again");
        recover_again_at_ = context_.now() + kRecoverAgain;
        round_.look_again_in(kRecoverAgain);
    }
    co_return recovered.has_value();
}

Local Controller::observe() {
    health_.forget_old_outcome();
    append_note_.look(append_.is_running());
    Local local;
    local.me = host_.me();
    local.shutting_down = context_.is_ending;
    local.may_be_designated = host_.may_be_designated(view_.name());
    if (const auto* runner = on_disk()) local.engine = runner->kind();
    for (auto* runner : runners_) runner->observe(local);
    local.disk_is_open = disk_.get() != nullptr;
    local.logs = logs_->local();
    local.is_trusted = disk_.is_trusted();
    local.gone_log = append_note_.gone();
    local.missing_past = disk_.missing_past(append_.is_running());
    local.was_put_back = disk_.had_written_more();
    local.unaware = role_.unaware_members(append_.is_running());
    local.primary_is_alive = host_.is_alive(view_.primary());
    return local;
}

// --- one step --------------------------------------------------------------------------------------------------------

env::task<bool> Controller::act(const Plan& plan) {
    // A disk may hold what is damaged in the log; before that is mended, it cannot be told from a wrong one.
    if (plan.open_disk && !disk_.get() && !health_.damaged()) {
        const bool opened = co_await disk_.open();
        if (opened) co_return true;
    }
    const bool stopped = co_await stop_unwanted(plan);
    if (stopped) co_return true;
    const bool closed = co_await close_disk(plan);
    if (closed) co_return true;
    for (auto* runner : log_runners_) {
        const bool begun = co_await runner->advance(plan, disk_.get());
        if (begun) co_return true;
    }
    if (!disk_.get()) co_return false;
    const bool told = co_await sync_.tell_end();
    if (told) co_return true;
    const bool worked = co_await work_on_disk(plan);
    if (worked) co_return true;
    const bool rotated = co_await append_.rotate(plan);
    if (rotated) co_return true;
    const bool stepped = co_await log_steps_.advance(plan);
    co_return stepped;
}

env::task<bool> Controller::stop_unwanted(const Plan& plan) {
    for (auto* runner : runners_) {
        if (!runner->is_running() || runner->is_wanted(plan)) continue;
        const bool done = co_await runner->stop(plan);
        if (done) co_return true;
    }
    co_return false;
}

env::task<bool> Controller::close_disk(const Plan& plan) {
    if (plan.open_disk || !disk_.get() || on_disk()) co_return false;
    co_await disk_.close(sync_.is_complete());
    sync_.forget();
    co_return true;
}

// What is at work on the disk; nullptr: nothing.
Runner* Controller::on_disk() const {
    const auto found =
        std::find_if(disk_runners_.begin(), disk_runners_.end(), [](const auto* one) { return one->is_running(); });
    return found == disk_runners_.end() ? nullptr : *found;
}

env::task<bool> Controller::work_on_disk(const Plan& plan) {
    if (auto* runner = on_disk()) {
        const bool done = co_await runner->advance(plan, disk_.get());
        co_return done;
    }
    for (auto* runner : disk_runners_) {
        const bool begun = co_await runner->advance(plan, disk_.get());
        if (begun && runner == &replay_) (void)co_await publish_positions(); // each run tells its begin
        if (begun) co_return true;
    }
    co_return false;
}

} // namespace mars::resource
