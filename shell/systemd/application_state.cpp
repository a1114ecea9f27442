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

// From now on nobody tells it: only the use of the device does.
env::task<result<void>> take_back(VerbContext& ctx) {
    if (!ctx.view().get(state_key(ctx))) co_return result<void>();
    ctx.remove(state_key(ctx));
    co_return co_await ctx.commit();
}

// The start unit is wanted, and was started or found active.
env::task<result<void>> follow(VerbContext& ctx) {
    auto& systemd = *ctx.surroundings().systemd;
    const auto companion = companion_of(ctx);
    MARS_CO_TRY(const auto state, co_await systemd.state(companion));
    MARS_CO_TRY(const auto own, co_await systemd.state(start_unit(ctx)));
    if (!state.is_loaded() || own.is_passing) co_return co_await take_back(ctx);
    if (!own.is_active() || own.shall_end()) co_return result<void>();
    // Else it may have failed to tell that, or another call was about to start what had begun already.
    if (state.is_active() && !state.shall_end()) co_return co_await publish(ctx, std::string(kActive));
    const auto started = co_await systemd.run_job(JobKind::start_alone, companion, kPatience, [] { return true; });
    co_return started;
}

} // namespace

env::task<result<void>> note_begin(VerbContext& ctx) {
    if (ctx.view().value(state_key(ctx)) != kActive) co_return result<void>();
    co_return co_await publish(ctx, "activating");
}

env::task<void> follow_application(VerbContext& ctx) {
    const auto done = co_await follow(ctx);
    if (done) co_return;
    ctx.out().warning(ctx.label("whether its application runs cannot be told to other hosts: " + done.error().text));
}

env::task<result<void>> publish_application(VerbContext& ctx, bool has_ended) {
    const auto unit = start_unit(ctx);
    if (unit.empty()) co_return result<void>(); // it is not systemd's business any more
    if (!has_ended) co_return co_await publish(ctx, std::string(kActive));
    MARS_CO_TRY(auto state, co_await ctx.surroundings().systemd->state(unit));
    // Systemd ends the companion before the unit that is ordered to end, and after one that has ended by itself. Else
    // somebody has ended the companion alone.
    if (state.is_passing || (state.is_active() && !state.shall_end())) co_return co_await take_back(ctx);
    co_return co_await publish(ctx, state.active == "failed" ? "failed" : "inactive");
}

} // namespace mars::shell::systemd
