// SPDX-License-Identifier: GPL-2.0-or-later
// What the program says of itself: help, the man page, completions, the version. Spec: verbs 1.1/5.
// Tests: tests/unit/shell/help_test.cpp, tests/shell/completion_test.py.
#include "macros/tools/reference.hpp"
#include "shell/command/context.hpp"
#include "shell/terminal/completions.hpp"
#include "shell/terminal/help.hpp"
#include "shell/verbs/verb_table.hpp"
#include "shell/words/version.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> help(VerbContext& ctx) {
    auto text = overview(ctx.options().verbose, ctx.surroundings().registry(), ctx.out().columns());
    if (const auto& word = ctx.argument(0); !word.empty()) {
        auto& verbs = ctx.surroundings().registry();
        const auto* verb = verbs.find(word);
        auto primitive = macros::help_text(word.starts_with('%') ? word.substr(1) : word);
        if (!verb && primitive.empty()) {
            auto close = verbs.suggest(word);
            co_return refusal("usage.verb", "unknown verb '" + word + "'" +
                                                (close.empty() ? "" : "; did you mean '" + std::string(close) + "'?"));
        }
        text = verb && !word.starts_with('%') ? verb_help(*verb, ctx.out().columns()) : primitive;
    }
    ctx.out().answer_text(text);
    co_return Step::done;
}

env::task<result<Step>> help_man(VerbContext& ctx) {
    ctx.out().answer_text(man_page(ctx.surroundings().registry()));
    co_return Step::done;
}

env::task<result<Step>> print_version(VerbContext& ctx) {
    ctx.out().answer(version_line());
    co_return Step::done;
}

env::task<result<Step>> help_completion(VerbContext& ctx) {
    const auto& shell = ctx.argument(0);
    if (shell != "bash" && shell != "zsh")
        co_return refusal("usage.arg", "expected bash or zsh, found '" + shell + "'");
    const auto& verbs = ctx.surroundings().registry();
    ctx.out().answer_text(shell == "bash" ? bash_completion(verbs) : zsh_completion(verbs));
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& help_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "help",
         .aliases = {"h"},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {{"VERB", ArgumentType::verb, false, true, "what to explain; or a macro primitive"}},
         .options = {"verbose"},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = help}},
         .summary = "Explains a verb, or lists them all.",
         .doc =
             "The same as --help. Primitives of the macro language are explained, too: marsadm help %human-seconds."},
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
        {.name = "help-completion",
         .aliases = {},
         .family = Family::view,
         .level = kInternal,
         .resource = ResourceArgument::none,
         .arguments = {{"bash|zsh", ArgumentType::text, true, false, "the shell"}},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = help_completion}},
         .summary = "Prints the completion of marsadm for a shell.",
         .doc = "It is made from the same tables as the help.",
         .errors = {"usage.arg"}},
    };
    return verbs;
}

} // namespace mars::shell
