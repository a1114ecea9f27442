// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/verb_events.hpp"

namespace mars::shell {

VerbEvents::VerbEvents(Surroundings& surroundings, const Request& request)
    : surroundings_(surroundings), request_(request), programs_(surroundings, request) {}

// "VERB.MOMENT" or "VERB.PHASE.MOMENT".
env::task<result<void>> VerbEvents::tell_listeners(VerbContext& ctx, std::string moment, const Phase* phase,
                                                   const std::optional<failure>& failed) {
    if (!surroundings_.hooks || request_.verb->has(kInformational) || (phase && !has_many_phases()))
        co_return result<void>();
    std::string name(request_.verb->name);
    if (phase) name += "." + phase_name(*phase);
    Event event(name + "." + moment, ctx.resource(), ctx.me());
    if (!surroundings_.hooks->listens(event.name)) co_return result<void>();
    event.values["verb"] = request_.spelling;
    if (phase) event.values["phase"] = std::to_string(phase->number);
    if (failed) {
        event.values["reason"] = std::string(reason_of(*failed).name);
        event.values["text"] = failed->text;
    }
    event.forced = request_.options.force > 0;
    event.dry_run = request_.options.dry_run > 0;
    event.limit = request_.options.hook_timeout.value_or(Duration{});
    co_return co_await surroundings_.hooks->fire(std::move(event));
}

env::task<result<void>> VerbEvents::fire(VerbContext& ctx, std::string moment, const Phase* phase,
                                         const std::optional<failure>& failed) {
    MARS_CO_TRY_VOID(co_await tell_listeners(ctx, moment, phase, failed));
    if (!phase || phase->global || moment == "failed") co_return result<void>();
    co_return co_await programs_.call(ctx, moment == "before" ? "pre" : "post", ctx.resource(), *phase);
}

env::task<result<void>> VerbEvents::fire_for_list(VerbContext& whole, std::string type, const Phase& phase) {
    const auto& names = request_.resources;
    const bool is_list =
        request_.verb->resource == ResourceArgument::list || request_.verb->resource == ResourceArgument::optional;
    if (!is_list || phase.loop || (!names.empty() && names != "all" && names.find(',') == std::string::npos))
        co_return result<void>();
    co_return co_await programs_.call(whole, std::move(type), "all", phase);
}

} // namespace mars::shell
