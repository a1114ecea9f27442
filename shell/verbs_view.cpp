// SPDX-License-Identifier: GPL-2.0-or-later
// Looking at things: help and version. Spec: verbs 1.1/5, 4.38. Tests: tests/unit/shell/help_test.cpp.
#include "shell/checks.hpp"
#include "shell/help.hpp"
#include "shell/verb_table.hpp"
#include "shell/version.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> help(VerbContext& ctx) {
    auto text = overview(ctx.options().verbose);
    if (const auto& word = ctx.argument(0); !word.empty()) {
        const auto* verb = find_verb(word);
        if (!verb) {
            auto close = suggest_verb(word);
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
