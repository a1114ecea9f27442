// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/regeneration.hpp"

#include "shell/command/hosts.hpp"
#include "shell/macro/macro_outside.hpp"
#include "shell/systemd/templates.hpp"
#include "shell/systemd/unit_writer.hpp"

namespace mars::shell::systemd {

namespace {

bool is_directory(VerbContext& ctx, const std::string& path) {
    auto status = ctx.env().storage().status(path);
    return status && status->kind == env::FileKind::directory;
}

} // namespace

bool is_asked_for(VerbContext& ctx, bool is_extern) {
    auto* systemd = ctx.surroundings().systemd;
    if (!systemd || ctx.me() != ctx.self()) return false;
    if (is_extern) return true;
    return ctx.options().systemd_enable.value_or(true) && (ctx.options().systemd_enable || !systemd->is_our_caller());
}

std::string missing_directory(VerbContext& ctx) {
    const auto& settings = ctx.surroundings().systemd->settings();
    for (const auto& path : {settings.etc, settings.target})
        if (!is_directory(ctx, path)) return path;
    return {};
}

bool is_on(VerbContext& ctx, bool is_extern) {
    return !ctx.is_dry_run() && is_asked_for(ctx, is_extern) && missing_directory(ctx).empty();
}

failure no_systemd() {
    return refusal("unit.bus", "templates are not at work here: /etc/marsadm and /run/systemd/system must exist, and "
                               "systemd must run; after that: marsadm systemd-trigger");
}

Duration job_limit(const VerbContext& ctx) {
    return ctx.options().timeout.value_or(Duration(std::chrono::hours(24)));
}

void with_generator(VerbContext& ctx, const std::function<void(const GeneratorInput&)>& use) {
    const auto& settings = ctx.surroundings().systemd->settings();
    const auto& storage = ctx.env().storage();
    auto templates = load_templates(storage, settings);
    MacroOutside outside(ctx);
    macros::Context context(ctx.view(), outside, ctx.me());
    context.real_host = ctx.self();
    context.ip = known_address(ctx, ctx.me()).value_or("");
    context.command = ctx.request().spelling;
    context.mars_dir = ctx.view().root();
    context.search_path = ctx.surroundings().macro_path;
    GeneratorInput input{templates, settings, ctx.view(), context, resources_of(ctx.view(), ctx.me())};
    input.is_installed = [&](const std::string& name) { return is_installed(storage, settings, name); };
    use(input);
}

void would_regenerate(VerbContext& ctx, bool is_extern) {
    if (!ctx.is_dry_run() || !is_asked_for(ctx, is_extern) || !missing_directory(ctx).empty()) return;
    ctx.would("make the units of host " + ctx.self() + " anew");
}

env::task<result<void>> regenerate(VerbContext& ctx) {
    auto& systemd = *ctx.surroundings().systemd;
    // First what is there, then what should be: what another call writes meanwhile does not look obsolete.
    auto present = present_units(ctx.env().storage(), systemd.settings());
    Generation generation;
    with_generator(ctx, [&](const GeneratorInput& input) {
        generation = generate_units(input);
        // No templates at all: rather a lost directory than the wish to stop everything.
        if (input.templates.all.empty()) generation.is_complete = false;
        keep_made_from(input.templates.distrusted, present, generation);
    });
    if (!ctx.view().get("uuid")) generation.is_complete = false; // no tree, no idea what is obsolete
    for (const auto& finding : generation.findings)
        ctx.out().warning("systemd templates: " + finding.place + ": " + finding.text);
    auto plan = plan_writing(generation, present);
    for (const auto& file : plan.write) ctx.detail(1, "writing " + file.path);
    for (const auto& path : plan.remove) ctx.detail(1, "removing " + path);
    co_return co_await execute(systemd, ctx.out(), std::move(plan), job_limit(ctx));
}

} // namespace mars::shell::systemd
