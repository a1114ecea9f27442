// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/macro/macro_session.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "macros/tools/check.hpp"
#include "shell/command/hosts.hpp"
#include "shell/local/fiber.hpp"

namespace mars::shell {

namespace {

macros::Options macro_options(const Options& options) {
    macros::Options out;
    auto seconds = [](Duration d) { return std::chrono::duration_cast<std::chrono::seconds>(d).count(); };
    out.timeout = options.timeout ? seconds(*options.timeout) : -1;
    out.threshold = static_cast<std::int64_t>(options.threshold);
    out.window = seconds(options.window);
    // A moment that somebody has chosen is seldom that of a heartbeat.
    if (options.now) out.fresh = seconds(options.window);
    out.stuck_seconds = seconds(options.stuck);
    out.keep_backup_hours = options.keep_backup_hours;
    out.force = options.force;
    out.dry_run = options.dry_run;
    out.verbose = options.verbose;
    out.ignore_deleted_peers = options.ignore_deleted_peers != 0;
    return out;
}

} // namespace

MacroSetup::MacroSetup(VerbContext& ctx, std::string command)
    : view(ctx.view(), ctx.env().storage()), outside(ctx), context(view, outside, ctx.me()) {
    const auto& options = ctx.options();
    context.real_host = ctx.self();
    context.ip = known_address(ctx, ctx.me()).value_or("");
    context.command = std::move(command);
    context.macro_text = options.macro.value_or("");
    context.mars_dir = ctx.view().root();
    // Directories that are not there need not be asked for every macro.
    for (const auto& directory : ctx.surroundings().macro_path)
        if (outside.kind(directory) != macros::Outside::FileKind::missing) context.search_path.push_back(directory);
    context.added = ctx.surroundings().primitives;
    context.now = options.now;
    context.compat = options.compat_01a ? macros::Compat::v01a : macros::Compat::current;
    context.options = macro_options(options);
    context.limits.stack_bytes = Fiber::kStackBytes - Fiber::kStackBytes / 8;
}

env::task<void> run_macros(VerbContext& ctx, MacroSetup& setup, std::function<void()> body) {
    Fiber fiber(std::move(body));
    setup.outside.sleep_on(&fiber);
    bool cancelled = false;
    while (true) {
        fiber.resume();
        if (fiber.is_done()) break;
        try {
            co_await ctx.env().clock().sleep(setup.outside.wanted_sleep());
        } catch (const boost::system::system_error&) {
            cancelled = true; // it was before this sleep
        }
        auto state = co_await env::asio::this_coro::cancellation_state;
        cancelled = cancelled || state.cancelled() != env::asio::cancellation_type::none;
        if (cancelled) setup.outside.refuse_sleep();
        if (setup.outside.wanted_sleep() == Duration::zero()) continue; // no time has passed
        setup.view.forget();
        setup.outside.forget();
    }
    setup.outside.sleep_on(nullptr);
    if (cancelled) throw boost::system::system_error(env::asio::error::operation_aborted);
}

std::string other_macros(macros::Session& session, const std::string& name) {
    const auto close = macros::suggestion(session, name);
    return (close.empty() ? "; all" : "; did you mean '" + close + "'? All") + " macros: marsadm macro list";
}

} // namespace mars::shell
