// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/controller.hpp"

#include <boost/asio/post.hpp>

#include "kernel/block/log_file.hpp"
#include "kernel/tree/heard.hpp"

namespace mars::resource {

using namespace std::chrono_literals;

namespace {

constexpr Duration kReplayPause = 500ms;
constexpr Duration kAskedLately = 2s;
constexpr int kManySteps = 1000;                // in one go; some tens are usual
constexpr std::int64_t kReplayEnough = 4 << 20; // bytes of log
constexpr Duration kRotationRetry = 100ms;      // while the log before is still being written back
constexpr Duration kDiskRetry = 5s;             // a disk that is missing, or not believed in

// The log itself is wrong, so that another copy of it may help.
bool is_defect(const format::ReplayCode& code) {
    return code.code == -EBADMSG || code.code == -EBADRQC || code.code == -ERESTART;
}

} // namespace

Controller::Controller(Host& host, std::string resource)
    : host_(host), view_(host.tree, std::move(resource)), actual_(view_.key("actual-" + host.me())), signal_(host.env),
      changed_(host.env.lot()),
      logs_(std::make_shared<LogStore>(host.env, host.tree.absolute(tree::resource_dir(view_.name())), host.me(),
                                       [view = view_](const LogName& log) { return view.final_length(log); })),
      positions_(host.tree, view_.name(), host.me()), messages_(host.env, host.tree, actual_), quiet_(host.env),
      append_(host, view_.name(), *logs_, signal_), replay_(host.env, signal_), sync_(host, view_.name(), signal_),
      fetch_(host.env, view_.name(), *logs_, changed_, host.tunables.log_port),
      repair_(host.env, view_.name(), *logs_, signal_, host.tunables.log_port),
      mark_(host.env, host.tunables.state_directory, view_.name()), role_note_(host.tree, view_), tasks_(host.env) {}

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
            if (!self->append_.is_running()) self->signal_.set();
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
        if (path.find("/log-") != std::string::npos) logs_are_stale_ = true;
        if (path.find("/version-") != std::string::npos) logs_->changed().notify(); // a log may be known as complete
        signal_.set();
    };
    auto of_hosts = [this](const std::string& path) {
        if ((sync_.is_complete() || role_asked_) && path.find("/answer-") != std::string::npos) signal_.set();
    };
    resource_news_ = host_.tree.subscribe(tree::resource_dir(view_.name()) + "/", in_resource);
    host_news_ = host_.tree.subscribe("actual-", of_hosts);
}

void Controller::shut_down() {
    shutting_down_ = true;
    signal_.set();
}

bool Controller::is_at_rest() const {
    return !disk_ && !append_.is_running() && !replay_.is_running() && !sync_.is_running() && !fetch_.is_running() &&
           !repair_.is_running();
}

std::string Controller::write_counters() const {
    if (!append_.logger()) return "";
    const auto c = append_.logger()->counters();
    const auto micros = [](Duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
    };
    return "writes=" + std::to_string(c.writes) + " bytes=" + std::to_string(c.written_bytes) +
           " records=" + std::to_string(c.commit.records) + " commits=" + std::to_string(c.commit.commits) +
           " encode_us=" + micros(c.encode_time) + " append_us=" + micros(c.commit.append_time) +
           " sync_us=" + micros(c.commit.sync_time) + " writeback_bytes=" + std::to_string(c.writeback.bytes) +
           " writeback_us=" + micros(c.writeback.write_time + c.writeback.sync_time);
}

std::string Controller::busy_with() const {
    if (append_.open_count() > 0)
        return "resource " + view_.name() + ": the device is in use by " + std::to_string(append_.open_count()) +
               " openers; unmount it";
    return is_at_rest() ? "" : "resource " + view_.name() + " is being stopped";
}

env::task<void> Controller::stop() {
    co_await tasks_.stop();
}

env::task<void> Controller::run() {
    while (true) {
        next_look_ = host_.tunables.scan_interval;
        const bool again = co_await round();
        if (again) { // others have their turn between two steps, whatever goes wrong here
            if (++steps_ % kManySteps != 0) {
                co_await boost::asio::post(host_.env.get_executor(), boost::asio::use_awaitable);
            } else {
                host_.env.log().error("resource " + view_.name() + ": " + std::to_string(steps_) +
                                      " steps without an end; this is an error of marsd");
                co_await host_.env.clock().sleep(1s);
            }
            continue;
        }
        steps_ = 0;
        co_await signal_.wait(next_look_);
        if (next_look_ == host_.tunables.scan_interval) logs_are_stale_ = true;
    }
}

env::task<bool> Controller::round() {
    said_.clear();
    if (!is_recovered_) {
        publish("actual-" + host_.me() + "/if-on", "0"); // of an earlier life, nothing is left
        publish("actual-" + host_.me() + "/open-count", "0");
        auto recovered = co_await recover_logs();
        is_recovered_ = recovered.has_value();
        if (!recovered) {
            host_.env.log().error("resource " + view_.name() + ": local logs: " + recovered.error().text);
            co_return false; // nothing is published before it is known what an earlier life has left
        }
    }
    if (logs_are_stale_) {
        logs_are_stale_ = false;
        auto refreshed = co_await logs_->refresh();
        if (!refreshed) say("err-bad-log-name", "logs cannot be listed: " + refreshed.error().text);
    }
    if (replay_.has_ended()) co_await take_replay_end();
    if (damage_) co_await settle_damage();
    co_await note_primary();
    const Local local = observe();
    const Plan plan = decide(host_.tree, view_.name(), local);
    is_starting_ = plan.work == Work::append || plan.create_log;
    const bool again = co_await act(plan);
    is_starting_ = false;
    if (!again) co_await renew_witness(false);
    publish_state(plan);
    co_return again;
}

Local Controller::observe() {
    // What stopped replay was in a log that this replica does not need any more (invalidate).
    if (last_replay_.code.code < 0)
        if (const auto replay = view_.replay(host_.me());
            replay && replay->log != last_replay_.log && (!damage_ || damage_->log != last_replay_.log))
            last_replay_ = {};
    Local local;
    local.me = host_.me();
    local.shutting_down = shutting_down_;
    local.may_be_designated = host_.may_be_designated();
    local.engine = append_.is_running()   ? Engine::appending
                   : replay_.is_running() ? Engine::replaying
                   : sync_.is_running()   ? Engine::syncing
                                          : Engine::off;
    local.is_append_over = append_.is_log_failed() || append_.is_stopped();
    local.appending_to = append_.log();
    if (append_.is_running()) local.rotate_at = rotation_limit();
    local.device_exists = append_.device_exists();
    local.open_count = append_.open_count();
    local.disk_is_open = disk_ != nullptr;
    local.logs = logs_->local();
    if (damage_) local.damaged = damage_->log;
    local.may_repair = repair_.is_wanted();
    local.replay_must_pause = replay_must_pause();
    local.replay_has_turn = replay_has_turn_;
    local.is_trusted = host_.tree.has(local_key("trust-disk"));
    if (const auto replay = view_.replay(host_.me()); gone_ && replay && replay->log.seq > gone_->seq) gone_.reset();
    if (!gone_) gone_ = gone_log(); // a log that is being copied back is not known to be complete before a restart
    local.gone_log = gone_;
    local.missing_past = missing_past();
    local.was_put_back = had_written_more();
    local.unaware = unaware_members();
    local.primary_is_alive = is_alive(view_.primary());
    return local;
}

// Transaction-log 17.1: 0 = off; else min(value, max(1, size / 32)) GiB.
std::int64_t Controller::rotation_limit() const {
    constexpr std::uint64_t kGiB = std::uint64_t(1) << 30;
    auto limit = host_.tunables.rotate_bytes;
    if (const auto total = host_.total_bytes(); limit > 0 && total > 0)
        limit = std::min(limit, std::max(kGiB, total / 32));
    return static_cast<std::int64_t>(limit);
}

bool Controller::is_alive(const std::string& host) const {
    const auto now = host_.env.clock().now();
    const auto heard = tree::heard_at(host_.tree, host, now);
    return heard && now - *heard < host_.tunables.alive_window;
}

env::task<bool> Controller::act(const Plan& plan) {
    // A disk may hold what is damaged in the log; before that is mended, it cannot be told from a wrong one.
    if (plan.open_disk && !disk_ && !damage_) {
        const bool opened = co_await open_disk(plan);
        if (opened) co_return true;
    }
    if (co_await stop_unwanted(plan)) co_return true;
    if (co_await close_device(plan)) co_return true;
    if (co_await close_disk(plan)) co_return true;
    if (co_await steer_repair(plan)) co_return true;
    steer_fetch(plan);
    if (!disk_) co_return false;
    if (co_await end_sync()) co_return true;
    if (co_await start_work(plan)) co_return true;
    if (co_await rotate(plan)) co_return true;
    co_return co_await make_step(plan);
}

// --- disk and logs ---------------------------------------------------------------------------------------------------

env::task<bool> Controller::open_disk(const Plan&) {
    const auto path = host_.tree.value(view_.key("data-" + host_.me()));
    // To look at it takes up to 2 s: not with each piece of log that is fetched meanwhile.
    const auto wish = path + " " + host_.tree.value(view_.key("syncstatus-" + host_.me())) + " " +
                      std::to_string(view_.size()) + host_.tree.value(local_key("trust-disk"));
    const auto since = host_.env.clock().steady() - disk_tried_at_;
    if (wish == disk_wish_ && since < kDiskRetry) {
        next_look_ = std::min(next_look_, kDiskRetry - since);
        co_return false;
    }
    disk_wish_ = wish;
    disk_tried_at_ = host_.env.clock().steady();
    if (path.empty() || view_.size() <= 0) {
        disk_error_ = 0; // a guest, or a resource whose size has not arrived yet
        if (!path.empty())
            say("inf-replay-start", view_.key("size") + " is missing or no number of bytes: nothing can be done");
        co_return false;
    }
    auto opened = co_await block::Disk::open(host_.env, path, static_cast<std::uint64_t>(view_.size()));
    if (!opened) {
        if (disk_error_ != -opened.error().code.value())
            host_.env.log().error("resource " + view_.name() + ": disk " + opened.error().text);
        disk_error_ = -opened.error().code.value();
        if (opened.error().is(std::errc::device_or_resource_busy)) note_held_disk();
        co_return false;
    }
    std::shared_ptr<block::Disk> disk = std::move(*opened);
    const bool proven = co_await is_proven(disk);
    if (!proven) co_return false;
    disk_ = std::move(disk);
    disk_error_ = 0;
    disk_doubt_.clear();
    disk_wish_.clear();
    co_return true;
}

env::task<bool> Controller::close_disk(const Plan& plan) {
    const bool in_use = append_.is_running() || replay_.is_running() || sync_.is_running();
    if (plan.open_disk || !disk_ || in_use) co_return false;
    co_await renew_witness(true);
    witness_.reset();
    // A copy whose end has not been told is compared again: whoever detaches may put another disk in, or invalidate.
    sync_.forget();
    sync_end_.reset();
    disk_.reset();
    co_return true;
}

// --- stopping --------------------------------------------------------------------------------------------------------

env::task<bool> Controller::stop_unwanted(const Plan& plan) {
    if (replay_.is_running() && !(plan.work == Work::replay && plan.log == replay_.log())) {
        co_await replay_.stop();
        co_return true;
    }
    if (sync_.is_running()) {
        const bool wanted = plan.work == Work::sync && plan.source == sync_.source_host();
        if (!wanted || sync_turn_is_over(plan)) {
            co_await sync_.stop();
            co_return true;
        }
    }
    if (repair_.is_running() && !plan.repair) {
        co_await repair_.stop();
        co_return true;
    }
    if (fetch_.is_running() && !plan.fetch) {
        co_await fetch_.stop();
        co_return true;
    }
    co_return false;
}

env::task<bool> Controller::close_device(const Plan& plan) {
    if (append_.device_exists() && !plan.device) {
        co_return co_await append_.close_device();
    }
    if (append_.is_running() && plan.work != Work::append) co_return co_await end_appending();
    co_return false;
}

// Until the final positions are published, this host remains primary in the eyes of the others: they might take over
// without the last records. A full /mars can make that wait.
env::task<bool> Controller::end_appending() {
    if (!append_.is_stopped()) {
        source_->withdraw();
        source_.reset();
        co_await append_.stop(); // everything is written back
    }
    auto published = co_await append_.publish(positions_);
    if (!published) {
        say("err-versionlink-not-readable", "the last position cannot be published: " + published.error().text);
        co_return false;
    }
    append_.forget();
    forget_appending();
    co_return true;
}

// --- working ---------------------------------------------------------------------------------------------------------

env::task<bool> Controller::start_work(const Plan& plan) {
    if (append_.is_running()) {
        if (plan.device && append_.device_exists()) co_await look_after_device();
        if (!plan.device || append_.device_exists()) co_return false;
        const std::string name = host_.tree.value(view_.key("device-" + host_.me()), view_.name());
        const std::string device = name.starts_with("(") ? view_.name() : name;
        auto created = co_await append_.create_device(device);
        if (!created) {
            say("err-replay-stop", "/dev/mars/" + device + " cannot be made: " + created.error().text);
            co_return false;
        }
        co_return true;
    }
    if (replay_.is_running() || sync_.is_running()) co_return false;
    if (plan.work == Work::append) {
        const bool noted = co_await note_appending(plan.log.text());
        if (!noted) co_return false;
        auto started = co_await append_.start(*disk_, plan.log);
        if (!started) {
            say("err-replay-stop", plan.log.text() + " cannot be opened: " + started.error().text);
            co_return false;
        }
        withdraw_trust();
        source_ = std::make_shared<DiskSource>(disk_);
        co_return true;
    }
    if (plan.work == Work::replay) {
        if (shall_wait_for_more(plan)) co_return false;
        replay_.start(*disk_, logs_->path(plan.log), plan.log, plan.start, plan.end);
        (void)co_await publish_positions();
        co_return true;
    }
    if (plan.work == Work::sync) {
        if (sync_.is_complete() && sync_.source_host() == plan.source) co_return false; // end_sync() waits
        const bool is_other = !sync_source_host_.empty() && sync_source_host_ != plan.source;
        if ((is_other || sync_.is_void()) && plan.start > 0) { // Y2, transaction-log 13.5
            publish("syncstatus-" + host_.me(), "0");
            sync_source_host_ = plan.source;
            co_return true;
        }
        sync_source_host_ = plan.source;
        replay_has_turn_ = false;
        sync_.start(*disk_, plan.source, plan.start, plan.end);
        co_return true;
    }
    co_return false;
}

env::task<void> Controller::look_after_device() {
    const auto now = host_.env.clock().steady();
    if (now - device_seen_at_ >= host_.tunables.report_interval) {
        device_seen_at_ = now;
        device_trouble_ = co_await append_.look_after_device();
    }
    if (!device_trouble_.empty()) say("err-replay-stop", device_trouble_);
}

// Each run publishes its begin and end. While a primary writes, runs are collected, so that the tree is not busy with
// them; when a handover is under way everything is applied at once.
bool Controller::shall_wait_for_more(const Plan& plan) {
    const auto since = host_.env.clock().steady() - replay_ended_at_;
    const auto primary = view_.primary();
    const bool is_handover = primary.empty() || primary == host_.me() || host_.questions.is_asked_here(kAskedLately);
    if (is_handover || since >= kReplayPause || plan.end - plan.start >= kReplayEnough) return false;
    next_look_ = std::min(next_look_, kReplayPause - since);
    return true;
}

// Y9: a sync that has made progress gives way to replay after its turn, if replay has something to do.
bool Controller::sync_turn_is_over(const Plan&) {
    const auto turn = host_.tunables.sync_flip_interval;
    if (turn < 8s || !sync_.has_progress() || host_.env.clock().steady() - sync_.started_at() < turn) return false;
    Local local = observe();
    local.engine = Engine::off;
    local.replay_has_turn = true;
    replay_has_turn_ = decide(host_.tree, view_.name(), local).work == Work::replay;
    return replay_has_turn_;
}

env::task<void> Controller::take_replay_end() {
    (void)co_await publish_positions();
    last_replay_ = co_await replay_.take_outcome();
    replay_has_turn_ = false;
    replay_ended_at_ = host_.env.clock().steady();
    if (last_replay_.code.code >= 0) co_return;
    const bool is_damage = is_defect(last_replay_.code) || last_replay_.log_is_unreadable;
    const bool is_new = std::exchange(last_error_, last_replay_.text) != last_replay_.text;
    if (is_new && !is_damage) host_.env.log().error("resource " + view_.name() + ": " + last_replay_.text);
    if (!is_damage) co_return;
    examined_at_ = replay_ended_at_;
    note_damage(last_replay_.log, view_.replay(host_.me())->pos, last_replay_);
}

// TL-P5: the disk has failed, or the log could not be read. Neither gets better by another copy of the log; it is tried
// again after a while.
bool Controller::replay_must_pause() {
    if (last_replay_.code.code >= 0 || damage_) return false;
    const auto since = host_.env.clock().steady() - replay_ended_at_;
    if (since >= kReplayRetry) return false;
    next_look_ = std::min(next_look_, kReplayRetry - since);
    return true;
}

// Y6: the copy is complete. Only when the primary has answered a question that was asked after that, the position that
// replay must reach is known, and the end may be told.
env::task<bool> Controller::end_sync() {
    if (!sync_.is_complete()) {
        sync_end_.reset();
        co_return false;
    }
    const auto primary = sync_.source_host();
    if (!sync_end_) {
        auto asked = host_.questions.ask();
        if (!asked) {
            say("inf-sync", "the end of the sync cannot be asked for: " + asked.error().text);
            co_return false;
        }
        sync_end_ = *asked;
    }
    // Only who is at work as primary knows what is on its disk: one that has crashed meanwhile finds out first.
    const auto role = host_.tree.get(view_.key("actual-" + primary + "/is-primary"));
    const bool is_at_work = role && role->value == "1" && *sync_end_ < role->stamp;
    const auto position = host_.tree.get(view_.key("replay-" + primary));
    if (!position || !is_at_work || !host_.questions.has_answered(primary, *sync_end_) || view_.primary() != primary)
        co_return false;
    auto told = host_.tree.set(view_.key("syncpos-" + host_.me()), position->value);
    if (told) told = host_.tree.set(view_.key("verifystatus-" + host_.me()), sync_.verify_status());
    // What the disk needs to become consistent, and what it holds, must be known after any crash before the sync counts
    // as done.
    if (told) co_await renew_witness(true);
    if (told) told = co_await host_.tree.sync();
    if (told) told = host_.tree.set(view_.key("syncstatus-" + host_.me()), std::to_string(sync_.end()));
    if (!told) {
        say("inf-sync", "the end of the sync cannot be published: " + told.error().text);
        co_return false;
    }
    sync_.forget();
    co_return true;
}

std::vector<FetchWish::Source> Controller::sources_of(const Plan& plan) const {
    std::vector<FetchWish::Source> sources;
    for (auto& host : plan.fetch_from) {
        FetchWish::Source source{host, host_.tree.value("ips/ip-" + host)};
        sources.push_back(std::move(source));
    }
    return sources;
}

void Controller::steer_fetch(const Plan& plan) {
    if (!plan.fetch) return;
    FetchWish wish;
    wish.sources = sources_of(plan);
    wish.uuid = host_.tree.value("uuid");
    wish.log = plan.fetch_log;
    wish.goes_back = plan.fetch_gap;
    const auto replay = view_.replay(host_.me());
    if (replay && replay->log == wish.log) wish.verified = replay->pos;
    fetch_.want(std::move(wish));
}

// --- stepping --------------------------------------------------------------------------------------------------------

env::task<bool> Controller::rotate(const Plan& plan) {
    if (!plan.rotate_to || !append_.is_running()) co_return false;
    if (!append_.may_rotate()) {
        next_look_ = std::min(next_look_, kRotationRetry);
        co_return false;
    }
    auto next = *plan.rotate_to; // named: g++ 12 destroys temporaries of a co_await twice
    auto created = co_await block::LogFile::create(host_.env, logs_->directory(), std::move(next));
    if (!created) {
        say("wrn-log-consecutive", plan.rotate_to->text() + " cannot be created: " + created.error().text);
        co_return false;
    }
    const bool noted = co_await note_appending(plan.log.text() + " " + plan.rotate_to->text());
    if (!noted) co_return false;
    auto rotated = co_await append_.rotate(*plan.rotate_to);
    if (!rotated) say("wrn-log-consecutive", "rotation to " + plan.rotate_to->text() + ": " + rotated.error().text);
    format::LogPosition begin{*plan.rotate_to, 0};
    if (rotated) co_await note_written(std::move(begin), true);
    co_return rotated.has_value();
}

// R4, R5, P9: the replay link moves to the begin of the next log.
env::task<bool> Controller::make_step(const Plan& plan) {
    if (!plan.step_to) co_return false;
    const LogName next = *plan.step_to;
    if (plan.correct_version_to) {
        const auto current = view_.replay(host_.me());
        if (auto done = positions_.correct_version(current->log, *plan.correct_version_to); !done) {
            say("err-versionlink-not-readable", done.error().text);
            co_return false;
        }
    }
    if (plan.remove_log) {
        host_.env.log().warning("resource " + view_.name() + ": " + plan.remove_log->text() + " is given up, " +
                                next.text() + " continues what is on the disk");
        if (auto gone = host_.env.storage().remove(logs_->path(*plan.remove_log));
            !gone && !gone.error().is(std::errc::no_such_file_or_directory)) {
            say("err-replay-stop", gone.error().text);
            co_return false;
        }
        logs_are_stale_ = true;
    }
    if (plan.create_log) {
        auto created = co_await block::LogFile::create(host_.env, logs_->directory(), next);
        logs_are_stale_ = true;
        if (!created) {
            say("err-replay-stop", next.text() + " cannot be created: " + created.error().text);
            co_return false;
        }
    }
    format::ReplayLink begin;
    begin.log = next;
    auto known = next.host == host_.me() ? logs_->length(next).value_or(0) : 0;
    if (gone_ == next) // what was promised of it stays
        if (const auto told = view_.version(next.seq, host_.me()); told && told->log == next)
            known = std::max(known, told->length);
    auto published = co_await positions_.publish(begin, known);
    if (!published) say("err-versionlink-skip", published.error().text);
    if (published && plan.create_log) {
        warn_of_silence(next);
        format::LogPosition position{next, 0};
        co_await note_written(std::move(position), true);
    }
    co_return published.has_value();
}

env::task<bool> Controller::publish_positions() {
    result<void> done;
    if (append_.is_running())
        done = co_await append_.publish(positions_);
    else if (replay_.is_running() || replay_.has_ended())
        done = co_await positions_.publish(replay_.position(), replay_.end());
    else
        done = replace_zero_version();
    // Only end_sync() tells the end: until then, the disk is a mixture.
    if (sync_.is_running() && !sync_.is_complete() && sync_.durable_offset() < sync_.end())
        publish("syncstatus-" + host_.me(), std::to_string(sync_.durable_offset()));
    if (!done) // tried again with the next heartbeat
        quiet_.warning("positions", "resource " + view_.name() + ": positions are not published: " + done.error().text);
    publish_rates();
    co_return done.has_value();
}

} // namespace mars::resource
