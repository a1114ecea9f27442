// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/activation.hpp"

#include <algorithm>

#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/systemd/application_state.hpp"
#include "shell/systemd/regeneration.hpp"

namespace mars::shell::systemd {

using namespace std::chrono_literals;

namespace {

constexpr int kTries = 5; // with pauses of 1, 2, … s
constexpr int kLooks = 5; // at a service that was started
constexpr Duration kLookAgain = 200ms;
constexpr Duration kSteady = kLooks * kLookAgain;
constexpr Duration kLookEvery = 3s;   // while a job goes on: who holds the device?
constexpr Duration kCloseGrace = 10s; // between the end of the application and the last close of the device
constexpr Duration kLinger = 5s;      // after a failure
constexpr Duration kGlance = 1s;      // after a start or stop
constexpr std::size_t kMostUsersText = 600;
constexpr std::string_view kNobody = "(none)";

// With the time that was really spent on it, however the wait was cut into pieces.
failure waited_in_vain(const VerbContext& ctx, failure why, Duration waited) {
    const bool is_rest = ctx.options().timeout && waited + 1s < *ctx.options().timeout;
    why.text =
        "waited for " + seconds_text(waited) + (is_rest ? " (that was left of --timeout)" : "") + ": " + why.text;
    return why;
}

std::string users_key(const VerbContext& ctx, const std::string& host) {
    return ctx.key("userspace/systemd-users-" + host);
}

} // namespace

bool has_units(const VerbContext& ctx) {
    return ctx.view().get(ctx.key("systemd-start-unit")) || ctx.view().get(ctx.key("systemd-stop-unit"));
}

std::optional<std::string> wanted_host(const VerbContext& ctx) {
    auto want = ctx.view().get(ctx.key("systemd-want"));
    return want ? std::optional(want->value) : std::nullopt;
}

std::string start_unit(const VerbContext& ctx) {
    auto value = ctx.view().value(ctx.key("systemd-start-unit"));
    return value.substr(0, value.find(' '));
}

std::string stop_unit(const VerbContext& ctx) {
    auto value = ctx.view().value(ctx.key("systemd-stop-unit"));
    auto blank = value.rfind(' ');
    return blank == std::string::npos ? value : value.substr(blank + 1);
}

namespace {

enum class Wish { nothing, run, rest };

// Spec: macro-language 6.8. A device that is being taken away (attach off) shall be closed.
Wish wish_of(const VerbContext& ctx) {
    auto want = wanted_host(ctx);
    if (!want || want->empty()) return Wish::nothing;
    if (*want != ctx.me() || !has_device(ctx) || !ctx.view().flag(ctx.todo(ctx.me(), "attach"))) return Wish::rest;
    return designated_primary(ctx.view(), ctx.resource()) == ctx.me() ? Wish::run : Wish::nothing;
}

std::string device_of(const VerbContext& ctx) {
    return "/dev/mars/" + ctx.view().value(ctx.key("device-" + ctx.me()), ctx.resource());
}

class Activation {
  public:
    Activation(VerbContext& ctx, bool lingers) : ctx_(ctx), systemd_(*ctx.surroundings().systemd), lingers_(lingers) {}

    env::task<result<void>> go();

  private:
    env::task<result<void>> follow();
    env::task<result<void>> try_once(JobKind kind, std::string unit);
    env::task<result<void>> wait_for_close(std::string unit);
    env::task<result<void>> expect_steady(std::string unit);
    env::task<result<void>> check_running(std::string unit);
    env::task<result<void>> fire_event(std::string action, std::string moment, std::string unit);
    env::task<result<void>> pause(Duration length);
    env::task<void> publish_users(bool is_over);
    env::task<result<void>> publish_status(JobKind kind, bool is_good);
    bool has_changed() const { return wish_of(ctx_) != wish_; }
    std::optional<Stamp> when_touched() const {
        const auto file = ctx_.view().file(ctx_.key("systemd-trigger"));
        return file ? std::optional(file->mtime) : std::nullopt;
    }
    JobKind wanted_job() const { return wish_ == Wish::run ? JobKind::start : JobKind::stop; }

    VerbContext& ctx_;
    Systemd& systemd_;
    bool lingers_;
    Wish wish_ = Wish::nothing; // followed now; whatever waits ends when it is no longer the one of the tree
    bool has_acted_ = false;    // started or stopped something since it looked at the wish
};

env::task<result<void>> Activation::fire_event(std::string action, std::string moment, std::string unit) {
    Event event("application." + action + "." + moment, ctx_.resource(), ctx_.me());
    event.values["unit"] = unit;
    event.forced = ctx_.is_forced();
    co_return co_await fire(ctx_.surroundings().hooks, std::move(event));
}

// For whoever waits for the device to be closed, here or on another host.
env::task<void> Activation::publish_users(bool is_over) {
    auto key = users_key(ctx_, ctx_.me());
    std::vector<std::string> users;
    if (!is_over) users = co_await systemd_.users_of(device_of(ctx_));
    std::string text;
    for (const auto& user : users) {
        if (text.size() + user.size() > kMostUsersText) break;
        text += (text.empty() ? "" : "; ") + user;
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (text.empty()) text = kNobody;
    auto known = ctx_.view().get(key);
    if (known ? known->value == text : text == kNobody) co_return;
    ctx_.set(key, text);
    (void)co_await ctx_.commit(); // a hint only
}

env::task<result<void>> Activation::publish_status(JobKind kind, bool is_good) {
    auto key = ctx_.key("userspace/systemd-status-" + std::string(job_name(kind)) + "-" + ctx_.me());
    const std::string value = is_good ? "0" : "1";
    if (auto known = ctx_.view().get(key); known && known->value == value) co_return result<void>();
    ctx_.set(key, value);
    co_return co_await ctx_.commit();
}

// One job to its end; while it takes long, says who holds the device.
env::task<result<void>> Activation::try_once(JobKind kind, std::string unit) {
    Deadline deadline(ctx_, job_limit(ctx_));
    while (true) {
        auto go_on = [this] { return !has_changed(); };
        auto done = co_await systemd_.run_job(kind, unit, deadline.left(kLookEvery), go_on);
        if (done || !done.error().is(std::errc::timed_out)) co_return done;
        if (deadline.is_over()) co_return waited_in_vain(ctx_, done.error(), deadline.elapsed());
        if (has_changed()) co_return failure(std::errc::operation_canceled, "not wanted any more");
        if (kind == JobKind::stop) co_await publish_users(false);
        ctx_.out().progress(ctx_.label("unit " + unit + ": waiting for its " + std::string(job_name(kind))));
    }
}

// The application has ended, but somebody else may have the device open.
env::task<result<void>> Activation::wait_for_close(std::string unit) {
    Condition condition;
    condition.directories = {ctx_.key("actual-" + ctx_.me()), tree::resource_dir(ctx_.resource())};
    condition.holds = [this] { // what is wanted meanwhile is not kept waiting
        return has_changed() || !has_device(ctx_) || is_indicator(ctx_, ctx_.me(), "open-count", "0");
    };
    condition.description = [this] { return device_of(ctx_) + " is still in use"; };
    Deadline deadline(ctx_, std::min(kCloseGrace, job_limit(ctx_)));
    MARS_CO_TRY(bool is_closed, co_await wait_until(ctx_, condition, deadline));
    if (is_closed) co_return result<void>();
    co_await publish_users(false);
    auto users = known_users(ctx_, ctx_.me());
    co_return refusal("unit.stop", "unit " + unit + " is stopped, but " + device_of(ctx_) + " is still in use" +
                                       (users.empty() ? "" : " by: " + users));
}

// Of a service that does not say when it is ready, systemd knows only that it was begun.
env::task<result<void>> Activation::expect_steady(std::string unit) {
    MARS_CO_TRY(auto state, co_await systemd_.state(unit));
    bool is_again = false;
    for (int look = 0; look < kLooks && unit.ends_with(".service") && state.is_active() && !has_changed(); ++look) {
        MARS_CO_TRY_VOID(co_await pause(kLookAgain));
        const auto was_active_for = state.active_for;
        MARS_CO_TRY(state, co_await systemd_.state(unit));
        is_again |= state.active_for < was_active_for;
    }
    // Others start it, too, and make systemd forget that it has failed before they do. Over without a failure is only
    // what never lasts.
    const bool is_over = state.is_passing && state.active == "inactive";
    if (is_over || (state.is_active() && !is_again)) co_return result<void>();
    const auto found =
        is_again ? "has ended at once, and was started again" : "is " + state.active + " (" + state.sub + ")";
    co_return refusal("unit.job", "unit " + unit + " was started, but " + found + "; look at: systemctl status " +
                                      unit + "; journalctl -u " + unit);
}

env::task<result<void>> Activation::check_running(std::string unit) {
    MARS_CO_TRY_VOID(co_await fire_event("check", "before", unit));
    MARS_CO_TRY_VOID(co_await expect_steady(unit));
    co_return co_await fire_event("check", "after", unit);
}

env::task<result<void>> Activation::follow() {
    const auto kind = wanted_job();
    const auto unit = kind == JobKind::start ? start_unit(ctx_) : stop_unit(ctx_);
    if (unit.empty()) co_return result<void>();
    MARS_CO_TRY(auto state, co_await systemd_.state(unit));
    const bool is_there = kind == JobKind::start ? state.is_active() : state.is_down();
    if (is_there && kind == JobKind::start) {
        // The watcher of the device starts it, too: who finds it begun just now knows no more than who has begun it.
        if (state.active_for < kSteady) MARS_CO_TRY_VOID(co_await expect_steady(unit));
        co_await follow_application(ctx_);
        co_return result<void>();
    }
    if (!is_there) {
        if (!state.is_loaded())
            co_return refusal("unit.job", "unit " + unit + " does not exist on host " + ctx_.me() +
                                              "; which templates there are: marsadm templates list; what is wrong with "
                                              "them: marsadm templates check");
        if (kind == JobKind::start && !state.is_startable()) {
            ctx_.out().warning(ctx_.label("unit " + unit + " is " + state.file + ", it is not started"));
            co_return result<void>();
        }
        MARS_CO_TRY_VOID(co_await fire_event(std::string(job_name(kind)), "before", unit));
        if (state.active == "failed") (void)co_await systemd_.reset_failed(unit);
        if (kind == JobKind::start) MARS_CO_TRY_VOID(co_await note_begin(ctx_));
        MARS_CO_TRY_VOID(co_await try_once(kind, unit));
    }
    if (kind == JobKind::stop) {
        MARS_CO_TRY_VOID(co_await wait_for_close(unit));
        co_await publish_users(true);
    } else {
        MARS_CO_TRY_VOID(co_await check_running(unit));
        co_await follow_application(ctx_);
    }
    if (is_there) co_return result<void>();
    has_acted_ = true;
    ctx_.out().info(ctx_.label("unit " + unit + (kind == JobKind::start ? " is started" : " is stopped")));
    co_return co_await fire_event(std::string(job_name(kind)), "after", unit);
}

// Until the wish has changed, or for so long.
env::task<result<void>> Activation::pause(Duration length) {
    std::vector<std::string> places{tree::resource_dir(ctx_.resource())};
    Deadline deadline(ctx_, length);
    while (!deadline.is_over() && !has_changed())
        MARS_CO_TRY_VOID(co_await ctx_.view().wait_for_change(places, deadline.left(1s)));
    co_return result<void>();
}

env::task<result<void>> Activation::go() {
    int tries = 0;
    while (true) {
        wish_ = wish_of(ctx_);
        const auto touched = when_touched();
        if (wish_ == Wish::nothing) co_return result<void>();
        auto done = co_await follow();
        if (has_changed()) {
            tries = 0;
            continue;
        }
        if (done || ++tries >= kTries || done.error().is(std::errc::timed_out)) {
            if (!done && wish_ == Wish::rest) co_await publish_users(false);
            auto published = co_await publish_status(wanted_job(), done.has_value());
            if (done && !published) co_return published;
            // Somebody may want something else at once: who hears of a failure, or whose move was given up. A path unit
            // does not see what happens while the service that it has started still runs. A verb goes on by itself.
            if (lingers_ && (!done || has_acted_)) MARS_CO_TRY_VOID(co_await pause(done ? kGlance : kLinger));
            const bool is_asked_again = lingers_ && has_acted_ && when_touched() != touched;
            has_acted_ = false;
            if (!has_changed() && !is_asked_again) co_return done;
            tries = 0;
            continue;
        }
        ctx_.out().progress(ctx_.label(done.error().text + "; trying again"));
        if (wish_ == Wish::rest) co_await publish_users(false);
        MARS_CO_TRY_VOID(co_await pause(std::chrono::seconds(tries)));
    }
}

} // namespace

env::task<result<void>> activate(VerbContext& ctx, bool lingers) {
    Activation activation(ctx, lingers);
    co_return co_await activation.go();
}

result<void> touch_trigger(VerbContext& ctx) {
    if (ctx.is_dry_run()) return {};
    auto path = ctx.resource().empty() ? std::string("userspace/systemd-trigger") : ctx.key("systemd-trigger");
    if (auto marker = ctx.view().raw(path)) MARS_TRY_VOID(ctx.env().storage().remove(ctx.view().absolute(path)));
    if (ctx.resource().empty()) MARS_TRY_VOID(ctx.env().storage().make_directory(ctx.view().absolute("userspace")));
    return ctx.env().storage().write_file(ctx.view().absolute(path), ctx.view().lamport().now().text() + "\n");
}

std::string known_users(const VerbContext& ctx, const std::string& host) {
    auto text = ctx.view().value(users_key(ctx, host));
    return text == kNobody ? std::string() : text;
}

} // namespace mars::shell::systemd
