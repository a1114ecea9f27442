// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/help.hpp"

#include <algorithm>
#include <array>

#include "kernel/base/roff.hpp"
#include "kernel/base/wrap.hpp"
#include "shell/command/options.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kWidth = 100; // at most; longer lines are hard to read

struct ExitRow {
    int code;
    std::string_view meaning;
};

constexpr std::array<ExitRow, 8> kExitRows{{
    {0, "every resource succeeded, or there was none"},
    {1,
     "refused or failed: a precondition is not met, the verb is not possible, or another host failed; the answer no of "
     "safe-to-stop, and warnings of doctor"},
    {2, "usage: a wrong verb, option or argument; nothing was touched; errors that doctor has found"},
    {3, "the waiting time was exhausted"},
    {4, "system: not root, no tree, no cluster, no address, no space, or the output could not be written"},
    {5, "mixed: some resources succeeded, some failed"},
    {6, "internal error, or interrupted"},
    {141, "nobody reads what is printed (SIGPIPE); only of verbs that change nothing"},
}};

constexpr std::string_view kIntroduction =
    "marsadm is the command of MARS, which replicates block devices asynchronously over any distance. Each verb works "
    "on the "
    "local host and, through the shared state in /mars, on the others; marsd does the work. RES is the name of a "
    "resource, "
    "LIST several names separated by commas, all stands for every resource of this host.";

constexpr std::string_view kOptionsIntroduction =
    "Options may stand anywhere; the later one wins. Values are written --name=value.";

// A page of help in lines of at most `width` characters.
class Page {
  public:
    explicit Page(std::size_t width) : width_(std::min(width, kWidth)) {}

    // `text`, each line after `indent` blanks, the first one after `first`.
    std::string wrap(std::string_view text, std::size_t indent) const { return wrap(text, indent, indent); }
    std::string wrap(std::string_view text, std::size_t first, std::size_t indent) const {
        return mars::wrap(text, width_, first, indent);
    }
    // One row of a list: what is explained, and the explanation.
    std::string row(std::string_view head, std::string_view doc) const { return wrap(head, 2, 6) + wrap(doc, 8); }

  private:
    std::size_t width_;
};

constexpr std::array<Family, 10> kFamilies{Family::cluster, Family::resource, Family::switches, Family::role,
                                           Family::log,     Family::wait,     Family::view,     Family::macro,
                                           Family::script,  Family::plugin};

bool is_listed(const Verb& verb, int level) {
    return level >= 0 ? verb.level <= level : verb.level == -level;
}

std::string names_of(const Verb& verb) {
    std::string text;
    for (auto alias : verb.aliases) text += (text.empty() ? "" : ", ") + std::string(alias);
    return text;
}

std::string option_doc(const OptionRow& row) {
    auto doc = std::string(row.doc);
    if (!row.effective) doc += " (No effect in this version.)";
    if (!row.preset.empty()) doc += " Default: " + std::string(row.preset) + ".";
    return doc;
}

const ReasonRow* find_reason(std::string_view name) {
    auto row = std::find_if(kReasons.begin(), kReasons.end(), [&](const ReasonRow& r) { return r.name == name; });
    return row == kReasons.end() ? nullptr : &*row;
}

std::string reason_text(std::string_view name) {
    const auto* row = find_reason(name);
    if (!row) return std::string(name);
    std::string text = std::string(row->summary);
    if (row->failure_class == FailureClass::overridable) text += " (--force: warning)";
    return text;
}

} // namespace

std::string overview(int level, VerbRegistry& verbs, std::size_t width) {
    const Page page(width);
    std::string text = page.wrap("Usage: marsadm [OPTION...] VERB [RES|LIST|all] [ARGUMENT...]", 0, 11) +
                       page.wrap("marsadm -e CODE [ARG...]    Lua; see help lua-code", 7, 11) +
                       page.wrap("marsadm                     the interactive shell; see help shell", 7, 11) + "\n" +
                       page.wrap(kIntroduction, 0);
    for (auto family : kFamilies) {
        std::string rows;
        for (const auto* verb : verbs.all())
            if (verb->family == family && is_listed(*verb, level)) rows += page.row(usage(*verb), verb->summary);
        if (!rows.empty()) text += "\n" + std::string(family_title(family)) + "\n" + rows;
    }
    text += "\n" + page.wrap(kOptionsIntroduction, 0);
    for (const auto& row : option_table()) text += page.row(option_synopsis(row), option_doc(row));
    text += "\nExit status\n";
    for (const auto& row : kExitRows)
        text += page.wrap(std::to_string(row.code) + "  " + std::string(row.meaning), 2, 5);
    return text + "\n" +
           page.wrap("More: marsadm help VERB; marsadm --verbose=1 help lists verbs for experts, too.", 0);
}

std::string verb_help(const Verb& verb, std::size_t width) {
    const Page page(width);
    std::string text = page.wrap("Usage: marsadm [OPTION...] " + usage(verb), 0, 11);
    if (!verb.aliases.empty()) text += page.wrap("Also: " + names_of(verb), 0);
    if (!verb.is_built())
        return text + "Not in this version." + (verb.doc.empty() ? "" : " See " + std::string(verb.doc) + ".") + "\n";
    text += "\n" + page.wrap(verb.summary, 0) + page.wrap(verb.doc, 0);
    if (!verb.arguments.empty()) text += "\nArguments\n";
    for (const auto& argument : verb.arguments) text += page.row(argument.name, argument.doc);
    if (verb.data_plane == DataPlane::required) text += "\nmarsd must run on this host.\n";
    if (!verb.options.empty()) text += "\nOptions of interest (all: marsadm --help)\n";
    for (auto name : verb.options)
        if (const auto* row = find_option(name)) text += page.row(option_synopsis(*row), option_doc(*row));
    if (!verb.errors.empty()) text += "\nIt is refused or fails when\n";
    for (auto name : verb.errors) text += page.wrap("[" + std::string(name) + "] " + reason_text(name), 2, 6);
    return text;
}

namespace {

std::string verb_section(const Verb& verb) {
    std::string text = ".TP\n.B " + roff(usage(verb)) + "\n" + roff(verb.summary) + "\n" + roff(verb.doc) + "\n";
    if (!verb.aliases.empty()) text += "Also: " + roff(names_of(verb)) + ".\n";
    for (const auto& argument : verb.arguments)
        text += ".RS\n.TP\n.I " + roff(argument.name) + "\n" + roff(argument.doc) + "\n.RE\n";
    return text;
}

} // namespace

std::string man_page(const VerbRegistry& verbs) {
    std::string text = ".\\\" Made by: marsadm help-man. Do not edit.\n"
                       ".TH MARSADM 8 \"\" MARS \"MARS administration\"\n"
                       ".SH NAME\nmarsadm \\- administrate replicated block devices\n"
                       ".SH SYNOPSIS\n.B marsadm\n[\\fIOPTION\\fR...] \\fIVERB\\fR [\\fIRES\\fR|\\fILIST\\fR|all] "
                       "[\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n" +
                       roff(kIntroduction) + "\n.SH VERBS\n";
    for (auto family : kFamilies) {
        std::string rows;
        for (const auto* verb : verbs.built_in())
            if (verb->family == family && verb->level <= kExpert) rows += verb_section(*verb);
        if (!rows.empty()) text += ".SS " + roff(family_title(family)) + "\n" + rows;
    }
    text += ".SH OPTIONS\n" + roff(kOptionsIntroduction) + "\n";
    for (const auto& row : option_table())
        text += ".TP\n.B " + roff(option_synopsis(row)) + "\n" + roff(option_doc(row)) + "\n";
    text += ".SH \"EXIT STATUS\"\n";
    for (const auto& row : kExitRows) text += ".TP\n.B " + std::to_string(row.code) + "\n" + roff(row.meaning) + "\n";
    text +=
        ".SH REASONS\nEvery refusal ends with one of these names in brackets. Refusals of class F become warnings with "
        "\\-\\-force.\n";
    for (const auto& row : kReasons)
        text += ".TP\n.B " + roff(row.name) + "\n" + roff(row.summary) + " (class " + class_letter(row.failure_class) +
                ", exit status " + std::to_string(exit_code(row.failure_class)) + ")\n";
    return text + ".SH FILES\n.I /mars\nThe shared state, and the transaction logs.\n"
                  ".TP\n.I /etc/marsadm/marsadm.conf\nDefaults of options, as lines name = value.\n"
                  ".SH \"SEE ALSO\"\n.BR marsd (8),\n.BR mars\\-macros (7)\n";
}

} // namespace mars::shell
