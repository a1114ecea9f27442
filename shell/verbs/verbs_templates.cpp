// SPDX-License-Identifier: GPL-2.0-or-later
// templates check | list | show UNIT: what comes of systemd templates. Spec: macro-language 6.
// Tests: tests/unit/shell/verbs_systemd_test.cpp.
#include "shell/systemd/lint.hpp"
#include "shell/systemd/regeneration.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

std::string finding_text(const systemd::Finding& finding) {
    return finding.place + ": " + (finding.is_error ? "error: " : "warning: ") + finding.text;
}

result<void> check_templates(VerbContext& ctx) {
    std::vector<systemd::Finding> findings;
    std::size_t count = 0;
    std::vector<std::string> directories;
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        findings = systemd::lint_templates(input);
        count = input.templates.all.size();
        directories = input.templates.directories;
    });
    std::size_t errors = 0;
    for (const auto& finding : findings) {
        errors += finding.is_error ? 1 : 0;
        ctx.out().answer(finding_text(finding));
    }
    ctx.out().answer(std::to_string(count) + " templates in " + std::to_string(directories.size()) + " directories: " +
                     std::to_string(errors) + " errors, " + std::to_string(findings.size() - errors) + " warnings");
    if (errors == 0) return {};
    return refusal("unit.template", std::to_string(errors) + " errors in templates, see above");
}

void list_templates(VerbContext& ctx) {
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        auto generation = systemd::generate_units(input);
        for (const auto& source : input.templates.all) {
            std::string line = source.path;
            for (const auto& unit : generation.units)
                if (unit.template_path == source.path) line += "\n    -> " + unit.path;
            ctx.out().answer(line);
        }
        if (input.templates.all.empty()) ctx.out().hint("there are no templates; see docs/systemd.md");
    });
}

result<void> show_unit(VerbContext& ctx, const std::string& name) {
    result<void> shown = refusal("unit.template", "no template gives a unit '" + name +
                                                      "' for the resources of this "
                                                      "host; which there are: marsadm templates list");
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        auto generation = systemd::generate_units(input);
        const auto* unit = generation.find(name);
        if (!unit) return;
        ctx.out().answer_text(unit->content);
        shown = result<void>();
    });
    return shown;
}

env::task<result<Step>> templates(VerbContext& ctx) {
    const auto& what = ctx.argument(0);
    if (!ctx.surroundings().systemd) co_return systemd::no_systemd();
    if (what == "check") {
        MARS_CO_TRY_VOID(check_templates(ctx));
    } else if (what == "list") {
        list_templates(ctx);
    } else if (what == "show" && !ctx.argument(1).empty()) {
        MARS_CO_TRY_VOID(show_unit(ctx, ctx.argument(1)));
    } else {
        co_return refusal("usage.arg", "expected check, list, or show UNIT, found '" + what + "'");
    }
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& template_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "templates",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {{"check|list|show", ArgumentType::text, true, false, "what to do"},
                       {"UNIT", ArgumentType::text, false, false, "to be shown"}},
         .flags = kReads | kInformational | kNoUuid | kAnyUser,
         .phases = {{.number = 1, .title = "", .run = templates}},
         .summary =
             "Looks at systemd templates: check finds mistakes, list says what comes of them, show prints a unit.",
         .doc =
             "check reports what cannot be expanded, unknown variables and macros, names that give no unit, references "
             "to units which do not exist, and wrong sections and lines; it fails when there are errors. Nothing is "
             "written.",
         .errors = {"usage.arg", "unit.template"}},
    };
    return verbs;
}

} // namespace mars::shell
