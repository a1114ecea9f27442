// SPDX-License-Identifier: GPL-2.0-or-later
// Looking at things: view, help and version. Spec: verbs 1.1/5, 4.38. Tests: tests/unit/shell/view_test.cpp,
// tests/unit/shell/help_test.cpp.
#include "macros/macros.hpp"
#include "shell/checks.hpp"
#include "shell/help.hpp"
#include "shell/hosts.hpp"
#include "shell/macro_outside.hpp"
#include "shell/verb_table.hpp"
#include "shell/version.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

namespace {

constexpr std::string_view kDefaultMacro = "default";

std::string macro_name(const VerbContext& ctx) {
    const auto& spelling = ctx.request().spelling;
    return spelling == "view" ? std::string(kDefaultMacro) : spelling.substr(5); // "view-NAME"
}

macros::Options macro_options(const Options& options) {
    macros::Options out;
    auto seconds = [](Duration d) { return std::chrono::duration_cast<std::chrono::seconds>(d).count(); };
    out.timeout = options.timeout ? seconds(*options.timeout) : -1;
    out.threshold = static_cast<std::int64_t>(options.threshold);
    out.window = seconds(options.window);
    out.stuck_seconds = seconds(options.stuck);
    out.keep_backup_hours = options.keep_backup_hours;
    out.force = options.force;
    out.dry_run = options.dry_run;
    out.verbose = options.verbose;
    return out;
}

void print_frame(VerbContext& ctx, std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (!text.empty()) ctx.out().answer(text);
}

// Hosts that nothing was heard of lately make what is shown old.
void warn_of_silence(VerbContext& ctx) {
    if (!ctx.view().get("uuid"))
        ctx.out().warning("host " + ctx.self() +
                          " belongs to no cluster yet; next: marsadm create-cluster, or marsadm "
                          "join-cluster HOST");
    if (!ctx.is_marsd_running()) {
        ctx.out().warning("marsd does not run on host " + ctx.self() + "; next: systemctl start marsd");
        return;
    }
    for (const auto& host : sharing_hosts(ctx.view())) {
        auto time = ctx.view().get("actual-" + host + "/time");
        if (host == ctx.self() || (time && is_recent(ctx, time->stamp))) continue;
        ctx.out().warning("nothing is heard of host " + host +
                          (time ? " for " + seconds_text(ctx.age(time->stamp)) : std::string(" so far")));
    }
}

env::task<result<Step>> view(VerbContext& ctx) {
    MacroOutside outside(ctx);
    macros::Context context{.view = ctx.view(), .outside = outside, .host = ctx.me()};
    context.real_host = ctx.self();
    context.ip = known_address(ctx, ctx.me()).value_or("");
    context.command = ctx.request().spelling;
    context.macro_text = ctx.options().macro.value_or("");
    context.mars_dir = ctx.view().root();
    context.search_path = ctx.surroundings().macro_path;
    context.options = macro_options(ctx.options());
    macros::Session session(context);
    const auto name = macro_name(ctx);
    const auto& wanted = ctx.request().resources;
    const auto& arguments = ctx.request().arguments;
    if (wanted == "all" || ctx.resources().size() > 1) {
        auto frame = wanted == "all" ? session.view_all(name, ctx.resources(), arguments)
                                     : session.view_resources(name, ctx.resources(), arguments);
        print_frame(ctx, frame.text);
        if (name == kDefaultMacro) warn_of_silence(ctx);
        if (frame.failures.empty()) co_return Step::done;
        if (frame.failures.size() < ctx.resources().size()) ctx.note_partly_done();
        std::string why;
        for (const auto& [resource, failed] : frame.failures)
            why += (why.empty() ? "" : "\n") + ("resource " + resource + ": " + failed.text);
        co_return refusal("view.macro", why);
    }
    auto text = session.view(name, ctx.resources().empty() ? std::string() : ctx.resources().front(), arguments);
    if (!text) co_return refusal("view.macro", text.error().text);
    print_frame(ctx, *text);
    if (name == kDefaultMacro) warn_of_silence(ctx);
    co_return Step::done;
}

env::task<result<Step>> help(VerbContext& ctx) {
    auto text = overview(ctx.options().verbose, ctx.surroundings().registry());
    if (const auto& word = ctx.argument(0); !word.empty()) {
        auto& verbs = ctx.surroundings().registry();
        const auto* verb = verbs.find(word);
        if (!verb) {
            auto close = verbs.suggest(word);
            co_return refusal("usage.verb", "unknown verb '" + word + "'" +
                                                (close.empty() ? "" : "; did you mean '" + std::string(close) + "'?"));
        }
        text = verb_help(*verb);
    }
    if (text.ends_with('\n')) text.pop_back();
    ctx.out().answer(text);
    co_return Step::done;
}

env::task<result<Step>> help_man(VerbContext& ctx) {
    auto text = man_page();
    text.pop_back();
    ctx.out().answer(text);
    co_return Step::done;
}

env::task<result<Step>> print_version(VerbContext& ctx) {
    ctx.out().answer(version_line());
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& view_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "view",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::free,
         .arguments = {{"ARGUMENT", ArgumentType::text, false, true, "for the macro: %{1}, %{2}, ..."}},
         .options = {"macro", "verbose", "window", "threshold", "host"},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = view}},
         .summary = "Shows the state of resources; view-NAME shows what the macro NAME says.",
         .doc = "Without a resource the macro is evaluated once for the whole host. Plain view uses the macro default: "
                "a line "
                "with disk state, replication state, flags, role and primary for each resource, and progress lines. "
                "Macros "
                "are NAME.tpl in ./, $HOME/.marsadm, /etc/marsadm, /usr/lib/marsadm, /usr/local/lib/marsadm, and built "
                "in.",
         .errors = {"res.missing", "view.macro"}},
        {.name = "help",
         .aliases = {"h"},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {{"VERB", ArgumentType::verb, false, true, "what to explain"}},
         .options = {"verbose"},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = help}},
         .summary = "Explains a verb, or lists them all.",
         .doc = "The same as --help."},
        {.name = "help-man",
         .aliases = {},
         .family = Family::view,
         .level = kInternal,
         .resource = ResourceArgument::none,
         .arguments = {},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = help_man}},
         .summary = "Prints the man page in roff.",
         .doc = "It is made from the same tables as the help."},
        {.name = "version",
         .aliases = {"v"},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = print_version}},
         .summary = "Prints program and version in one line.",
         .doc = "The same as --version."},
    };
    return verbs;
}

} // namespace mars::shell
