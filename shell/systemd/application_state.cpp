// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/application_state.hpp"

#include "shell/systemd/activation.hpp"
#include "shell/systemd/systemd.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

constexpr Duration kPatience = std::chrono::seconds(20); // for the companion, as in its template
constexpr std::string_view kActive = "active";

std::string state_key(const VerbContext& ctx) {
    return ctx.key("userspace/systemd-application-" + ctx.me());
}

std::string companion_of(const VerbContext& ctx) {
    return "mars-" + escape_path(ctx.resource()) + "-application.service";
}

env::task<result<void>> publish(VerbContext& ctx, std::string word) {
    if (const auto known = ctx.view().get(state_key(ctx)); known && known->value == word) co_return result<void>();
    ctx.set(state_key(ctx), word);
    co_return co_await ctx.commit();
}

} // namespace

env::task<result<void>> note_begin(VerbContext& ctx) {
    if (ctx.view().value(state_key(ctx)) != kActive) co_return result<void>();
    co_return co_await publish(ctx, "activating");
}

env::task<void> follow_application(VerbContext& ctx) {
    auto& systemd = *ctx.surroundings().systemd;
    const auto companion = companion_of(ctx);
    const auto state = co_await systemd.state(companion);
    result<void> done;
    if (!state) {
        done = state.error();
    } else if (!state->is_loaded()) {
        if (!ctx.view().get(state_key(ctx))) co_return;
        ctx.remove(state_key(ctx));
        done = co_await ctx.commit();
    } else if (!state->is_active()) {
        const auto own = co_await systemd.state(start_unit(ctx));
        if (!own || !own->is_active()) co_return; // a oneshot that has ended
        done = co_await systemd.run_job(JobKind::start, companion, kPatience, [] { return true; });
    }
    if (!done)
        ctx.out().warning(
            ctx.label("whether its application runs cannot be told to other hosts: " + done.error().text));
}

env::task<result<void>> publish_application(VerbContext& ctx, bool has_ended) {
    const auto unit = start_unit(ctx);
    if (unit.empty()) co_return result<void>(); // it is not systemd's business any more
    if (!has_ended) co_return co_await publish(ctx, std::string(kActive));
    // Systemd ends the companion before the unit that is ordered to end, and after one that has ended by itself.
    MARS_CO_TRY(auto state, co_await ctx.surroundings().systemd->state(unit));
    co_return co_await publish(ctx, state.active == "failed" ? "failed" : "inactive");
}

} // namespace mars::shell::systemd
