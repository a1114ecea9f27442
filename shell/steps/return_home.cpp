// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/return_home.hpp"

#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/avoid_split.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/steps/membership.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/regeneration.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr int kStartPhase = 11;      // of `primary`: where the way home begins
constexpr Duration kPatience = 2min; // for each step; --timeout is used up by the start that has failed
constexpr Duration kRetouch = 5s;    // how often the old host is reminded of what is wanted

Request request_for(const VerbContext& ctx, const std::string& host) {
    Request request = ctx.request();
    request.options.host = host;
    request.options.ignore_sync = 0;
    return request;
}

class ReturnHome {
  public:
    ReturnHome(VerbContext& ctx, std::string home, Duration began)
        : ctx_(ctx), home_(std::move(home)), began_(began), request_(request_for(ctx, home_)),
          there_(ctx.surroundings(), ctx.view(), request_, ctx.resources(), ctx.resource()) {}

    // While this host keeps its role; what was changed is put back.
    env::task<result<void>> prepare();
    // From where this host leaves its role until the application runs at the old host.
    env::task<result<void>> move();
    // After a failure: the application is wanted where the role is.
    env::task<result<void>> settle_wish();
    void note(const std::string& what);
    const std::string& history() const { return history_; }
    std::string elapsed_text() const; // since the application was told to end

  private:
    env::task<result<void>> hear_home();
    result<void> check_home();
    env::task<result<void>> stop_here();
    env::task<result<void>> await_level();
    env::task<result<void>> leave_role();
    env::task<result<void>> designate(std::string host);
    env::task<result<void>> await_application();
    env::task<result<void>> wait_for(Condition condition);
    result<void> check_ours() const;
    result<bool> is_level();
    std::string start_status(const std::string& host) const {
        return ctx_.key("userspace/systemd-status-start-" + host);
    }
    bool is_open_at_home() const;

    VerbContext& ctx_;
    std::string home_;
    Duration began_;
    Request request_;
    VerbContext there_; // the same resource, as the old host is to see it: what AVOID compares
    std::string history_;
};

std::string ReturnHome::elapsed_text() const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(ctx_.env().clock().steady() - began_).count();
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
}

void ReturnHome::note(const std::string& what) {
    history_ += (history_.empty() ? "" : ", ") + elapsed_text() + ": " + what;
}

env::task<result<void>> ReturnHome::wait_for(Condition condition) {
    condition.directories = {tree::resource_dir(ctx_.resource()), ctx_.key("actual-" + ctx_.me()),
                             ctx_.key("actual-" + home_), ctx_.key("userspace"), "actual-" + home_};
    condition.recheck = 1s;
    Deadline deadline(ctx_, kPatience);
    MARS_CO_TRY(const bool holds, co_await wait_until(ctx_, condition, deadline));
    if (holds) co_return result<void>();
    co_return refusal("wait.phase",
                      condition.description() + ", after waiting for " + seconds_text(deadline.elapsed()));
}

// All that the old host knows now is here.
env::task<result<void>> ReturnHome::hear_home() {
    MARS_CO_TRY(const Stamp asked, co_await ask_for_news(ctx_));
    Condition condition;
    condition.holds = [this, asked] { return has_answered(ctx_, home_, asked); };
    condition.description = [this] { return "host " + home_ + " has not answered (is marsd running there?)"; };
    co_return co_await wait_for(std::move(condition));
}

// What would keep it from being primary, as the checks of a handover to it would find.
result<void> ReturnHome::check_home() {
    if (!has_storage(ctx_.view(), ctx_.resource(), home_))
        return refusal("res.notmember", "host " + home_ + " is no member any more");
    if (find_split_brain(ctx_.view(), ctx_.resource()).found())
        return refusal("replay.error", "there is a split brain");
    if (const auto said = message_at(ctx_.view(), ctx_.actual(home_, "msg-err-replay-stop")))
        return refusal("replay.error", "its replay has stopped: " + said->text);
    MARS_TRY_VOID(check_synced(there_, home_));
    for (auto name : {"attach", "connect", "allow-replay"}) MARS_TRY_VOID(check_switch(there_, name, true));
    for (const std::string name : {"disk-error", "replay-code"})
        if (const auto code = ctx_.view().value(ctx_.actual(home_, name), "0"); code.starts_with('-'))
            return refusal("disk.error", ctx_.actual(home_, name) + " is " + code + ", expected 0");
    return {};
}

result<void> ReturnHome::check_ours() const {
    MARS_TRY_VOID(check_not_overtaken(ctx_));
    if (designated_primary(ctx_.view(), ctx_.resource()) == ctx_.me()) return {};
    return refusal("role.lost", ctx_.key("primary") + " is " + ctx_.view().value(ctx_.key("primary"), "missing") +
                                    ", expected " + ctx_.me() + ": another command has changed it meanwhile");
}

// The application is wanted at the old host from here on: whatever happens to this command, that is where it belongs.
env::task<result<void>> ReturnHome::stop_here() {
    note_phase(ctx_, kStartPhase, home_); // not here again, should nobody end this
    ctx_.set(ctx_.key("systemd-want"), home_);
    MARS_CO_TRY_VOID(co_await ctx_.commit());
    if (systemd::is_on(ctx_)) MARS_CO_TRY_VOID(co_await systemd::activate(ctx_));
    Condition condition;
    condition.holds = [this] { return is_indicator(ctx_, ctx_.me(), "open-count", "0"); };
    condition.description = [this] {
        const auto users = systemd::known_users(ctx_, ctx_.me());
        return "the device is still in use on host " + ctx_.me() + (users.empty() ? "" : " by: " + users);
    };
    co_return co_await wait_for(std::move(condition));
}

result<bool> ReturnHome::is_level() {
    MARS_TRY_VOID(check_home()); // AVOID leaves some of that to people
    MARS_TRY(const auto step, avoid_split(there_));
    // It would repair what marsd has not published: here that is a reason to wait for it.
    const bool is_repaired = there_.has_pending();
    there_.drop_pending();
    return step == Step::done && !is_repaired;
}

env::task<result<void>> ReturnHome::await_level() {
    std::optional<failure> failed;
    Condition condition;
    condition.holds = [this, &failed] {
        const auto level = is_level();
        if (!level) failed = level.error();
        return level && *level;
    };
    condition.broken = [&failed] { return failed; };
    condition.description = [this] {
        return "host " + home_ + " is at " + ctx_.view().value(ctx_.key("replay-" + home_), "unknown") + ", " +
               ctx_.me() + " at " + ctx_.view().value(ctx_.key("replay-" + ctx_.me()), "unknown") +
               ", expected the same position and version link";
    };
    co_return co_await wait_for(std::move(condition));
}

env::task<result<void>> ReturnHome::prepare() {
    MARS_CO_TRY_VOID(co_await hear_home());
    MARS_CO_TRY_VOID(check_home());
    MARS_CO_TRY_VOID(check_ours());
    Event event("application.move.before", ctx_.resource(), ctx_.me());
    event.values["from"] = ctx_.me();
    event.values["to"] = home_;
    event.forced = ctx_.is_forced();
    MARS_CO_TRY_VOID(co_await fire(ctx_.surroundings().hooks, std::move(event)));
    MARS_CO_TRY_VOID(co_await stop_here());
    MARS_CO_TRY_VOID(co_await await_level());
    MARS_CO_TRY_VOID(check_ours()); // right before: somebody may have been quicker, or use the device
    co_return check_not_open(ctx_, ctx_.me());
}

env::task<result<void>> ReturnHome::settle_wish() {
    ctx_.drop_pending();
    const auto primary = designated_primary(ctx_.view(), ctx_.resource());
    if (!primary || *primary == home_ || systemd::wanted_host(ctx_) != home_) co_return result<void>();
    ctx_.set(ctx_.key("systemd-want"), *primary);
    co_return co_await ctx_.commit();
}

env::task<result<void>> ReturnHome::leave_role() {
    Condition condition;
    condition.holds = [this] { return has_given_up_role(ctx_, ctx_.me()); };
    condition.description = [this] {
        return "host " + ctx_.me() + " has not left its role: " + ctx_.actual(ctx_.me(), "is-primary") + " is " +
               ctx_.view().value(ctx_.actual(ctx_.me(), "is-primary"), "missing") + ", expected 0";
    };
    condition.broken = [this]() -> std::optional<failure> {
        const auto ours = check_not_overtaken(ctx_);
        return ours ? std::nullopt : std::optional(ours.error());
    };
    MARS_CO_TRY_VOID(co_await wait_for(std::move(condition)));
    // What was written last has arrived there, too: is-primary is 0 only after the final positions are published.
    MARS_CO_TRY_VOID(co_await hear_home());
    co_return co_await await_level();
}

// Only while nobody else cares for the role.
env::task<result<void>> ReturnHome::designate(std::string host) {
    const auto none = ctx_.view().get(ctx_.key("primary"));
    queue_designation(ctx_, host);
    ctx_.set(ctx_.key("systemd-want"), host);
    ctx_.remove(start_status(host)); // what it says from now on is about the start that comes
    const std::function<result<void>()> still = [this, none]() -> result<void> {
        const auto now = ctx_.view().get(ctx_.key("primary"));
        if (now && none && now->value == tree::kNone && now->value == none->value && now->stamp == none->stamp)
            return {};
        return refusal("role.lost", ctx_.key("primary") + " is " + (now ? now->value : "missing") + ", expected " +
                                        std::string(tree::kNone) + ": another command has changed it meanwhile");
    };
    MARS_CO_TRY_VOID(co_await ctx_.commit_if(still));
    ctx_.out().info(ctx_.label("designated primary: " + ctx_.me() + " -> " + host));
    co_return result<void>();
}

bool ReturnHome::is_open_at_home() const {
    return ctx_.view().number(ctx_.actual(home_, "open-count")).value_or(0) > 0;
}

env::task<result<void>> ReturnHome::await_application() {
    const auto status = start_status(home_);
    Condition condition;
    condition.holds = [&] { return is_open_at_home() && ctx_.view().value(status) == "0"; };
    condition.broken = [&]() -> std::optional<failure> {
        if (const auto known = ctx_.view().value(status, "0"); known != "0")
            return refusal("unit.start", status + " is " + known + ": it did not start there either");
        const auto now = designated_primary(ctx_.view(), ctx_.resource());
        if (now == home_) return std::nullopt;
        return refusal("role.lost", "host " + now.value_or("nobody") + " is designated primary meanwhile");
    };
    condition.description = [&] {
        return is_open_at_home() ? "host " + home_ + " has not told that the start of the application is finished"
                                 : "the application has not opened the device on host " + home_;
    };
    condition.directories = {tree::resource_dir(ctx_.resource()), ctx_.key("actual-" + home_), ctx_.key("userspace")};
    condition.recheck = 1s;
    Deadline deadline(ctx_, kPatience);
    while (true) {
        Deadline round(ctx_, std::min(kRetouch, deadline.left(kRetouch)));
        MARS_CO_TRY(const bool runs, co_await wait_until(ctx_, condition, round));
        if (runs) break;
        if (deadline.is_over())
            co_return refusal("unit.start",
                              condition.description() + ", after waiting for " + seconds_text(deadline.elapsed()));
        ctx_.out().progress(
            ctx_.label("waiting for " + seconds_text(deadline.elapsed()) + ": " + condition.description()));
        if (systemd::wanted_host(ctx_) != home_ || is_open_at_home()) continue;
        ctx_.set(ctx_.key("systemd-want"), home_); // a fresh stamp wakes systemd there
        MARS_CO_TRY_VOID(co_await ctx_.commit());
    }
    Event event("application.move.after", ctx_.resource(), home_);
    event.values["to"] = home_;
    co_return co_await fire(ctx_.surroundings().hooks, std::move(event));
}

env::task<result<void>> ReturnHome::move() {
    MARS_CO_TRY(const auto called_off, co_await designate_nobody(ctx_));
    if (called_off == Step::again) {
        MARS_CO_TRY_VOID(check_ours());
        co_return refusal("role.lost", ctx_.key("primary") + " has been changed meanwhile: it is left as it is");
    }
    auto left = co_await leave_role();
    if (!left) {
        // This host has everything, and nobody else has had the role since.
        const auto taken = co_await designate(ctx_.me());
        if (taken) left = refusal("wait.phase", left.error().text + "; host " + ctx_.me() + " is primary again");
        co_return left;
    }
    MARS_CO_TRY_VOID(co_await designate(home_));
    note("host " + home_ + " is primary again");
    MARS_CO_TRY_VOID(co_await await_application());
    note("runs on host " + home_);
    co_return result<void>();
}

std::string look_text(const VerbContext& ctx, const std::string& host) {
    const auto unit = systemd::start_unit(ctx);
    return "on host " + host + ": systemctl status " + unit + "; journalctl -u " + unit;
}

failure stays(const VerbContext& ctx, const failure& why, const std::string& reason, const std::string& home) {
    return {why.code, "the application did not start on host " + ctx.me() + ": " + why.text + "; " + reason +
                          ": host " + ctx.me() + " stays primary, and the application runs nowhere; next, " +
                          look_text(ctx, ctx.me()) + "; then there: marsadm " + ctx.request().spelling + " " +
                          ctx.resource() + ", or the same on host " + home};
}

failure went(const VerbContext& ctx, const failure& why, const ReturnHome& way, const std::string& home) {
    return {why.code, "the application did not start on host " + ctx.me() + ": " + why.text +
                          "; it went back to host " + home + " and runs there (" + way.history() +
                          "); without application for " + way.elapsed_text() + "; next, " + look_text(ctx, ctx.me()) +
                          "; then there again: marsadm " + ctx.request().spelling + " " + ctx.resource()};
}

failure stranded(const VerbContext& ctx, const failure& why, const failure& then, const ReturnHome& way,
                 const std::string& home) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    return {why.code, "the application did not start on host " + ctx.me() + ": " + why.text +
                          "; on its way back to host " + home + ": " + then.text + " (" + way.history() + "); " +
                          (now ? "host " + *now : "nobody") + " is designated primary now; next: marsadm view " +
                          ctx.resource() + "; " + look_text(ctx, home) + "; then there: marsadm " +
                          ctx.request().spelling + " " + ctx.resource()};
}

} // namespace

env::task<result<Step>> return_home(VerbContext& ctx, failure why) {
    const auto state = ctx.state<Handover>();
    const std::string reason(reason_of(why).name);
    const bool is_of_units = reason.starts_with("unit.") || reason == "hook.failed" || reason == "wait.device" ||
                             reason == "device.errlog" || why.is(std::errc::timed_out);
    const bool has_home = state.move && state.stopped_at && !state.move->old.empty() && state.move->old != ctx.me() &&
                          state.move->former == state.move->old;
    const bool is_primary = designated_primary(ctx.view(), ctx.resource()) == ctx.me();
    if (!is_of_units || !has_home || !is_primary || ctx.me() != ctx.self() || ctx.is_dry_run()) co_return why;
    const auto home = state.move->old;
    if (ctx.options().no_return) co_return stays(ctx, why, "it is not taken back (--no-return)", home);
    ctx.drop_pending();
    ctx.begin_giving_back(); // --timeout is over, as often as not
    ctx.out().warning(ctx.label("the application did not start on host " + ctx.me() + " (" + why.text +
                                "); taking it back to host " + home));
    ReturnHome way(ctx, home, *state.stopped_at);
    way.note("start given up on host " + ctx.me());
    const auto prepared = co_await way.prepare();
    auto moved = prepared;
    if (prepared) moved = co_await way.move();
    if (moved) {
        ctx.out().warning(ctx.label("the application runs on host " + home + " again"));
        co_return went(ctx, why, way, home);
    }
    const auto settled = co_await way.settle_wish();
    if (!settled) ctx.out().warning(ctx.label(settled.error().text));
    if (prepared || designated_primary(ctx.view(), ctx.resource()) != ctx.me())
        co_return stranded(ctx, why, moved.error(), way, home);
    co_return stays(ctx, why, "it could not go back to host " + home + " (" + prepared.error().text + ")", home);
}

} // namespace mars::shell
