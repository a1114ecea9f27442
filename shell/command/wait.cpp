// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/wait.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <system_error>

#include "kernel/base/number.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

Deadline::Deadline(VerbContext& ctx, std::optional<Duration> budget)
    : clock_(ctx.env().clock()), start_(clock_.steady()) {
    if (budget) end_ = start_ + *budget;
    if (const auto left = time_left(ctx)) end_ = std::min(end_.value_or(Duration::max()), start_ + *left);
}

std::optional<Duration> time_left(const VerbContext& ctx) {
    const auto& until = ctx.options().until;
    if (!until || ctx.is_giving_back() || ctx.is_irrevocable()) return std::nullopt;
    return std::max(Duration::zero(), *until - ctx.env().clock().steady());
}

bool Deadline::is_over() const {
    return end_ && clock_.steady() >= *end_;
}

Duration Deadline::elapsed() const {
    return clock_.steady() - start_;
}

Duration Deadline::left(Duration most) const {
    if (!end_) return most;
    return std::clamp(*end_ - clock_.steady(), Duration::zero(), most);
}

std::string seconds_text(Duration d) {
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    auto text = std::to_string(ms / 1000);
    if (ms < 10000) text += "." + std::to_string(ms % 1000 / 100);
    return text + " s";
}

env::task<result<bool>> wait_until(VerbContext& ctx, const Condition& condition, const Deadline& deadline) {
    auto directories = condition.directories;
    // Starts the watch before the first look, so that no change between look and wait is missed.
    MARS_CO_TRY_VOID(co_await ctx.view().wait_for_change(directories, Duration::zero()));
    Duration next_report = 1s;
    if (ctx.is_dry_run() && ctx.request().verb->family == Family::wait && condition.holds()) {
        ctx.would("not wait: it is so already");
        co_return true;
    }
    while (!condition.holds()) {
        if (auto why = condition.broken ? condition.broken() : std::nullopt) co_return *why;
        if (ctx.is_dry_run() && !condition.is_independent) {
            ctx.would("wait; at present: " + condition.description());
            co_return true;
        }
        if (deadline.is_over()) co_return false;
        if (deadline.elapsed() >= next_report) {
            auto elapsed = seconds_text(deadline.elapsed());
            ctx.out().progress(ctx.label("waiting for " + elapsed + ": " + condition.description()));
            next_report = std::max(next_report * 2, deadline.elapsed() + 1s);
        }
        auto limit =
            deadline.left(std::min(condition.recheck, std::max<Duration>(next_report - deadline.elapsed(), 10ms)));
        MARS_CO_TRY_VOID(co_await ctx.view().wait_for_change(directories, limit));
    }
    co_return true;
}

env::task<result<void>> wait_or_refuse(VerbContext& ctx, const Condition& condition, Reason reason,
                                       std::string advice) {
    Deadline deadline(ctx, ctx.options().timeout);
    MARS_CO_TRY(bool holds, co_await wait_until(ctx, condition, deadline));
    if (holds) co_return result<void>();
    auto text = condition.description() + ", after waiting for " + seconds_text(deadline.elapsed());
    co_return refusal(reason, advice.empty() ? text : text + "; " + advice);
}

bool is_indicator(const VerbContext& ctx, std::string_view host, std::string_view name, std::string_view value) {
    auto link = ctx.view().get(ctx.actual(host, name));
    if (!link) return value == "0" && (name != "open-count" || host == ctx.me());
    auto have = parse_number<std::int64_t>(link->value);
    auto want = parse_number<std::int64_t>(value);
    return have && want ? *have == *want : link->value == value;
}

bool has_device(const VerbContext& ctx) {
    return ctx.view().flag(ctx.actual(ctx.me(), "if-on"));
}

env::task<result<void>> wait_indicator(VerbContext& ctx, std::string host, std::string name, std::string value) {
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("actual-" + host)};
    condition.holds = [&] { return is_indicator(ctx, host, name, value); };
    condition.description = [&] {
        return name + " of host " + host + " is " + ctx.view().value(ctx.actual(host, name), "not known") +
               ", expected " + value;
    };
    const auto advice =
        host == ctx.self() && ctx.is_marsd_running()
            ? "marsd runs there: does its disk hang? See marsadm view " + ctx.resource() + ", journalctl -u marsd"
            : "is marsd running on " + host + "?";
    MARS_CO_TRY_VOID(co_await wait_or_refuse(ctx, condition, "wait.indicator", advice));
    if (ctx.is_dry_run()) co_return result<void>();
    ctx.detail(1, name + " of host " + host + " is " + value);
    co_return result<void>();
}

env::task<result<void>> wait_switch(VerbContext& ctx, std::string name, std::string value) {
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("todo-" + ctx.me())};
    condition.holds = [&] { return ctx.view().flag(ctx.todo(ctx.me(), name)) == (value != "0"); };
    condition.description = [&] {
        return "the switch " + name + " is " + ctx.view().value(ctx.todo(ctx.me(), name), "0") + ", expected " + value;
    };
    co_return co_await wait_or_refuse(ctx, condition, "wait.indicator", {});
}

namespace {

// An error of the disk or the device path that was published after `since`.
std::optional<failure> fresh_error(const VerbContext& ctx, Stamp since) {
    for (auto name : {"disk-error", "if-state"}) {
        auto link = ctx.view().get(ctx.actual(ctx.me(), name));
        if (!link || link->stamp <= since || link->value == "0") continue;
        auto code = parse_number<int>(link->value);
        auto meaning = code ? " (" + std::generic_category().message(std::abs(*code)) + ")" : std::string();
        auto disk = ctx.view().value(ctx.key("data-" + ctx.me()), "none");
        return refusal("device.errlog", "marsd reports " + ctx.actual(ctx.me(), name) + " = " + link->value + meaning +
                                            "; the disk is " + disk + "; look at the log of marsd");
    }
    return std::nullopt;
}

} // namespace

env::task<result<void>> wait_attached(VerbContext& ctx) {
    const Stamp since = ctx.view().lamport().now();
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("actual-" + ctx.me())};
    condition.holds = [&] { return is_indicator(ctx, ctx.me(), "is-attached", "1"); };
    condition.description = [&] {
        return "is-attached of host " + ctx.me() + " is " + ctx.view().value(ctx.actual(ctx.me(), "is-attached"), "0") +
               ", expected 1";
    };
    condition.broken = [&] { return fresh_error(ctx, since); };
    co_return co_await wait_or_refuse(ctx, condition, "wait.indicator",
                                      "look at marsadm view " + ctx.resource() + " and the log of marsd");
}

namespace {

// What marsd here has to complain about this resource; empty when nothing.
std::string standing_error(const VerbContext& ctx) {
    const auto directory = ctx.key("actual-" + ctx.me());
    for (const auto& name : ctx.view().list(directory))
        if (name.starts_with("msg-err-"))
            if (auto said = message_at(ctx.view(), directory + "/" + name)) return said->text;
    return {};
}

std::string device_path(const VerbContext& ctx) {
    return "/dev/mars/" + ctx.view().value(ctx.key("device-" + ctx.me()), ctx.resource());
}

} // namespace

result<void> check_device_works(const VerbContext& ctx) {
    auto state = ctx.view().number(ctx.actual(ctx.me(), "if-state"));
    if (!state || *state == 0) return {};
    const auto why = standing_error(ctx);
    return refusal("device.errlog", device_path(ctx) + " is there, but fails all requests: marsd on host " + ctx.me() +
                                        " reports if-state = " + std::to_string(*state) + " (" +
                                        std::generic_category().message(static_cast<int>(std::abs(*state))) +
                                        (why.empty() ? "" : "; " + why) +
                                        "); next: remove the cause (journalctl -u marsd names it), close the device, "
                                        "then: systemctl restart marsd");
}

result<void> check_not_overtaken(const VerbContext& ctx) {
    const auto primary = ctx.view().get(ctx.key("primary"));
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (!primary || !now || *now == ctx.me()) return {};
    return refusal("role.lost", "host " + primary->value + " has been made primary meanwhile, at " +
                                    primary->stamp.text() + " of the cluster's clock, so not " + ctx.me() +
                                    "; next: marsadm view " + ctx.resource() + ", and if it shall be " + ctx.me() +
                                    " all the same, give the command again");
}

namespace {

// What marsd here has begun to complain about since the wait began, and does not stop to. A complaint that was cured at
// once stays visible for 10 s, so only what outlives that counts.
class Complaint {
  public:
    Complaint(const VerbContext& ctx, Stamp since) : ctx_(ctx), since_(since) {}

    std::optional<failure> look() {
        const auto now = ctx_.env().clock().steady();
        const auto directory = ctx_.key("actual-" + ctx_.me());
        std::map<std::string, Duration> standing;
        std::optional<failure> lasting;
        for (const auto& name : ctx_.view().list(directory)) {
            if (!name.starts_with("msg-err-")) continue;
            const auto key = directory + "/" + name;
            const auto link = ctx_.view().get(key);
            const auto said = message_at(ctx_.view(), key);
            if (!link || link->stamp <= since_ || !said) continue;
            const auto known = first_seen_.find(name);
            const auto first = known == first_seen_.end() ? now : known->second;
            standing[name] = first;
            if (!lasting && now - first >= kPatience)
                lasting = refusal("device.errlog",
                                  device_path(ctx_) + " does not appear: marsd on host " + ctx_.me() + " reports " +
                                      key + ": " + said->text + "; host " + ctx_.me() +
                                      " stays the designated primary; next: remove the cause, the device appears then");
        }
        first_seen_ = std::move(standing);
        return lasting;
    }

  private:
    static constexpr Duration kPatience = 15s;

    const VerbContext& ctx_;
    Stamp since_;
    std::map<std::string, Duration> first_seen_; // steady
};

} // namespace

env::task<result<void>> wait_device(VerbContext& ctx, bool present) {
    if (present && ctx.view().value(ctx.key("primary")) != ctx.me())
        co_return refusal("role.notprimary", "host " + ctx.me() + " is not the designated primary but " +
                                                 ctx.view().value(ctx.key("primary"), tree::kNone) +
                                                 ", so its device will not appear; next: marsadm primary " +
                                                 ctx.resource());
    const Stamp since = ctx.view().lamport().now();
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("actual-" + ctx.me())};
    condition.holds = [&] { return has_device(ctx) == present; };
    const auto device = device_path(ctx);
    condition.description = [&] {
        auto text = device + " has not " + (present ? "appeared" : "disappeared") + " on host " + ctx.me();
        auto why = standing_error(ctx);
        if (auto waits = message_at(ctx.view(), ctx.actual(ctx.me(), "msg-inf-primary-wait")); waits && why.empty())
            why = waits->text;
        return why.empty() ? text : text + " (" + why + ")";
    };
    Complaint complaint(ctx, since);
    if (present) {
        condition.recheck = 1s; // how long a complaint has lasted is a matter of ages
        condition.broken = [&]() -> std::optional<failure> {
            if (auto lost = check_not_overtaken(ctx); !lost) return lost.error();
            if (auto error = fresh_error(ctx, since)) return error;
            return complaint.look();
        };
    }
    std::string advice = present ? "look at marsadm view " + ctx.resource() + " and the log of marsd"
                                 : "find out who still uses it (fuser -vm " + device + ")";
    MARS_CO_TRY_VOID(co_await wait_or_refuse(ctx, condition, "wait.device", advice));
    if (present) MARS_CO_TRY_VOID(check_device_works(ctx));
    if (!ctx.is_dry_run()) ctx.out().info(ctx.label(device + (present ? " is there" : " is gone")));
    co_return result<void>();
}

} // namespace mars::shell
