// SPDX-License-Identifier: GPL-2.0-or-later
// Work on macros themselves: list, check, trace, explain, lay out, dump. Spec: macro-language 5.2, 5.3.
// Tests: tests/unit/shell/verbs_macro_test.cpp.
#include <algorithm>

#include "macros/primitives.hpp"
#include "macros/tools/check.hpp"
#include "macros/tools/json.hpp"
#include "macros/tools/reference.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/startup.hpp"
#include "shell/macro/macro_session.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kLongValue = 160; // bytes of a step that trace shows

failure no_macro(macros::Session& session, const std::string& name) {
    return refusal("view.macro", "there is no macro '" + name + "'" + other_macros(session, name));
}

std::string_view kind_text(macros::MacroInfo::Kind kind) {
    switch (kind) {
    case macros::MacroInfo::Kind::built_in:
        return "built-in";
    case macros::MacroInfo::Kind::overridden:
        return "overridden";
    case macros::MacroInfo::Kind::own:
        return "own";
    case macros::MacroInfo::Kind::viewable:
        return "primitive";
    }
    return "";
}

bool comes_from_file(const macros::MacroInfo& info) {
    return info.kind == macros::MacroInfo::Kind::overridden || info.kind == macros::MacroInfo::Kind::own;
}

std::string json_of_list(const std::vector<macros::MacroInfo>& all) {
    std::string text;
    for (const auto& info : all)
        text += (text.empty() ? "[\n  " : ",\n  ") + ("{\"name\": " + macros::json_string(info.name)) +
                ", \"kind\": " + macros::json_string(kind_text(info.kind)) +
                ", \"file\": " + (comes_from_file(info) ? macros::json_string(info.file) : "null") + "}";
    return text + "\n]\n";
}

env::task<result<Step>> list(VerbContext& ctx) {
    MacroSetup setup(ctx);
    macros::Session session(setup.context);
    auto all = session.list_macros();
    auto is_hidden = [&](const macros::MacroInfo& info) {
        return info.kind == macros::MacroInfo::Kind::viewable && ctx.options().verbose < 1;
    };
    if (!ctx.options().json) std::erase_if(all, is_hidden);
    if (ctx.options().json) {
        ctx.out().answer_text(json_of_list(all));
        co_return Step::done;
    }
    std::size_t width = 0;
    for (const auto& info : all) width = std::max(width, info.name.size());
    std::string text;
    for (const auto& info : all) {
        std::string line =
            info.name + std::string(width + 2 - info.name.size(), ' ') + std::string(kind_text(info.kind));
        if (comes_from_file(info)) line += std::string(12 - kind_text(info.kind).size(), ' ') + info.file;
        text += line + "\n";
    }
    ctx.out().answer_text(text);
    co_return Step::done;
}

// The macros beside a checked file are those that it may call.
void add_directory_of(const std::string& file, std::vector<std::string>& path) {
    auto slash = file.rfind('/');
    std::string directory = slash == std::string::npos ? "." : file.substr(0, slash);
    if (std::find(path.begin(), path.end(), directory) == path.end()) path.insert(path.begin(), directory);
}

// Number of errors; unreadable files count as one.
std::size_t check_file(VerbContext& ctx, MacroSetup& setup, const std::string& file) {
    auto text = ctx.env().storage().read_file(file, macros::kMaxMacroBytes);
    auto macro = text ? macros::parse(*text, file, setup.context.compat) : result<macros::MacroPtr>(text.error());
    if (!macro) {
        ctx.out().error(macro.error().text);
        return 1;
    }
    macros::Session session(setup.context);
    auto findings = macros::check(session, **macro, setup.context.compat);
    std::size_t errors = 0;
    for (const auto& finding : findings) {
        ctx.out().answer_text(macros::show(finding));
        errors += finding.is_error ? 1 : 0;
    }
    if (findings.empty()) ctx.out().answer_text(file + ": good");
    return errors;
}

env::task<result<Step>> check(VerbContext& ctx) {
    std::size_t errors = 0;
    const auto& files = ctx.request().arguments;
    MacroSetup setup(ctx);
    setup.outside.accept_all_files();
    for (const auto& file : files) add_directory_of(file, setup.context.search_path);
    for (const auto& file : files) errors += check_file(ctx, setup, file);
    if (errors == 0) co_return Step::done;
    co_return refusal("view.macro", std::to_string(errors) + (errors == 1 ? " error" : " errors") + " in " +
                                        std::to_string(files.size()) + (files.size() == 1 ? " file" : " files"));
}

// Lines of a trace: a call with its result on one line when nothing happened inside, else on two.
class Trace {
  public:
    explicit Trace(bool whole) : whole_(whole) {}

    static void step(void* user, const macros::TraceStep& step) { static_cast<Trace*>(user)->add(step); }
    std::string take() {
        flush();
        return std::move(text_);
    }

  private:
    void add(const macros::TraceStep& step) {
        std::string indent(2 * (step.depth - 1), ' ');
        if (step.entering) {
            flush();
            open_ = indent + shortened(step.source);
            return;
        }
        std::string value = " = " + macros::json_string(shortened(step.value)) + "\n";
        text_ += open_.empty() ? indent + "=" + value.substr(2) : open_ + value;
        open_.clear();
    }
    void flush() {
        if (!open_.empty()) text_ += open_ + "\n";
        open_.clear();
    }
    std::string shortened(std::string_view text) const {
        std::string out;
        for (char c : text) out += c == '\n' && open_.empty() ? ' ' : c;
        if (whole_ || text.size() <= kLongValue) return out;
        return out.substr(0, kLongValue) + "...";
    }

    std::string text_, open_;
    bool whole_;
};

// After NAME and RES.
std::vector<std::string> arguments_for_macro(const VerbContext& ctx) {
    const auto& words = ctx.request().arguments;
    return {words.begin() + std::min<std::ptrdiff_t>(2, std::ssize(words)), words.end()};
}

result<void> check_resource(const VerbContext& ctx, const std::string& resource) {
    if (resource.empty() || has_resource(ctx.view(), resource)) return {};
    return refusal("res.missing", "there is no resource " + resource + " in " + ctx.view().root());
}

// What the macro NAME gives for RES, with what comes behind them. Failures: view.macro.
env::task<result<std::string>> evaluate_call(VerbContext& ctx, MacroSetup& setup) {
    const auto& name = ctx.argument(0);
    const auto& resource = ctx.argument(1);
    const auto arguments = arguments_for_macro(ctx);
    macros::Session session(setup.context);
    if (!session.has_macro(name) && setup.context.macro_text.empty()) co_return no_macro(session, name);
    result<std::string> text = std::string();
    std::function<void()> body = [&] { text = session.view(name, resource, arguments); };
    co_await run_macros(ctx, setup, std::move(body));
    if (!text) co_return refusal("view.macro", text.error().text);
    co_return text;
}

// The only evaluation that may write.
env::task<result<Step>> run_macro(VerbContext& ctx) {
    MARS_CO_TRY_VOID(check_resource(ctx, ctx.argument(1)));
    MacroSetup setup(ctx, ctx.argument(0));
    setup.outside.allow_writing();
    MARS_CO_TRY(const auto text, co_await evaluate_call(ctx, setup));
    ctx.out().answer_text(text);
    co_return Step::done;
}

env::task<result<Step>> trace(VerbContext& ctx) {
    MARS_CO_TRY_VOID(check_readable(ctx.surroundings(), ctx.view().root(), ctx.request().spelling));
    MARS_CO_TRY_VOID(check_resource(ctx, ctx.argument(1)));
    MacroSetup setup(ctx, ctx.argument(0));
    Trace steps(ctx.options().verbose > 0);
    setup.context.trace = Trace::step;
    setup.context.trace_user = &steps;
    const auto text = co_await evaluate_call(ctx, setup);
    ctx.out().answer_text(steps.take()); // also of an evaluation that has failed
    if (!text) co_return text.error();
    ctx.out().answer_text("result:\n" + *text);
    co_return Step::done;
}

std::string all_primitives() {
    std::string text;
    for (const auto& chapter : macros::primitive_table()) {
        text += (text.empty() ? "" : "\n") + std::string(chapter.title) + "\n";
        for (const auto& row : chapter.rows) {
            std::string name(row.spelling);
            for (char& c : name) c = (c == '=' || c == '~') && name.size() > 3 ? '-' : c;
            text += "  %" + name + std::string(row.usage) + "\n";
        }
    }
    return text + "\nMore: marsadm macro help NAME; mars-macros(7)\n";
}

env::task<result<Step>> explain(VerbContext& ctx) {
    std::string name = ctx.argument(0);
    if (name.starts_with('%') && name.size() > 1) name.erase(0, 1);
    auto text = name.empty() ? all_primitives() : macros::help_text(name);
    if (text.empty()) {
        MacroSetup setup(ctx);
        macros::Session session(setup.context);
        if (auto* added = session.find_added(name)) {
            ctx.out().answer_text("%" + added->name + added->usage + "\n    " + added->doc);
            co_return Step::done;
        }
        auto source = session.pretty(name);
        if (!source) co_return no_macro(session, name);
        text = "The macro " + name + ":\n" + *source;
    }
    ctx.out().answer_text(text);
    co_return Step::done;
}

env::task<result<Step>> prettyprint(VerbContext& ctx) {
    std::string_view spelling = ctx.request().spelling, verb = "prettyprint-";
    std::string name(spelling.starts_with(verb) ? spelling.substr(verb.size()) : "default");
    MacroSetup setup(ctx);
    macros::Session session(setup.context);
    auto text = session.pretty(name);
    if (!text) co_return no_macro(session, name);
    ctx.out().answer_text(*text);
    co_return Step::done;
}

// Makes room for `file`: one that is there gets the first free name FILE.oldN.
result<void> set_aside(VerbContext& ctx, const std::string& file) {
    auto& storage = ctx.env().storage();
    if (!storage.status(file)) return {};
    for (int number = 0;; ++number) {
        auto old = file + ".old" + std::to_string(number);
        if (storage.status(old)) continue;
        ctx.out().info((ctx.is_dry_run() ? "would rename " : "renaming ") + file + " to " + old);
        return ctx.is_dry_run() ? result<void>() : storage.rename(file, old);
    }
}

result<Step> dump(VerbContext& ctx, bool all) {
    std::string directory = ctx.argument(0).empty() ? "." : ctx.argument(0);
    auto compat = ctx.options().compat_01a ? macros::Compat::v01a : macros::Compat::current;
    auto dumped = macros::dump_macros(all, compat);
    for (const auto& [name, text] : dumped) {
        std::string file = directory + "/" + name + ".tpl";
        MARS_TRY_VOID(set_aside(ctx, file));
        if (!ctx.is_dry_run()) MARS_TRY_VOID(ctx.env().storage().write_file(file, text));
    }
    ctx.out().info((ctx.is_dry_run() ? "would write " : "wrote ") + std::to_string(dumped.size()) + " macros to " +
                   directory);
    return Step::done;
}

env::task<result<Step>> dump_macros(VerbContext& ctx) {
    co_return dump(ctx, false);
}

env::task<result<Step>> dump_all_macros(VerbContext& ctx) {
    co_return dump(ctx, true);
}

constexpr unsigned kAnywhere = kReads | kInformational | kNoUuid | kAnyUser | kNoTree;

Verb row(std::string_view name, PhaseFunction run, std::vector<Argument> arguments,
         std::vector<std::string_view> options, std::string_view summary, std::string_view doc) {
    return {.name = name,
            .aliases = {},
            .family = Family::macro,
            .resource = ResourceArgument::none,
            .arguments = std::move(arguments),
            .options = std::move(options),
            .flags = kAnywhere,
            .phases = {{.number = 1, .title = "", .run = run}},
            .summary = summary,
            .doc = doc};
}

} // namespace

const std::vector<Verb>& macro_verbs() {
    static const Argument kDirectory{"DIR", ArgumentType::text, false, false, "where to write; the working directory"};
    static const std::vector<Argument> kCall{{"NAME", ArgumentType::text, true, false, "the macro, as in view-NAME"},
                                             {"RES", ArgumentType::text, false, false, "the resource"},
                                             {"ARGUMENT", ArgumentType::text, false, true, "for the macro"}};
    static const std::vector<Verb> verbs = {
        {.name = "macro-run",
         .aliases = {},
         .family = Family::macro,
         .resource = ResourceArgument::none,
         .arguments = kCall,
         .options = {"macro", "compat", "host", "root", "now", "dry-run"},
         .flags = kWrites,
         .phases = {{.number = 1, .title = "", .run = run_macro}},
         .summary = "Evaluates a macro that may set links.",
         .doc = "Like view-NAME, but %setlink makes its links, when the macro has come to its end. Everywhere else, "
                "%setlink is refused: whoever only looks changes nothing. Also written: macro run.",
         .errors = {"res.missing", "view.macro"}},
        row("macro-list", list, {}, {"json", "verbose", "compat"},
            "Lists all macros, and the file that each comes from.",
            "Built-in ones, those that a file overrides, and your own. With --verbose also the primitives that can be "
            "viewed by name. Also written: macro list. Call your own macros NAME-COMPANY: such names are never used by "
            "MARS."),
        row("macro-check", check, {{"FILE", ArgumentType::text, true, true, "a file with macro text"}}, {"compat"},
            "Checks files with macros without evaluating them.",
            "Reports unknown names (with what was probably meant), wrong numbers of arguments, arguments that nobody "
            "reads, and braces that do not pair, with file, line and column. Macros in the same directory are known. "
            "Status 1 when something would fail."),
        row("macro-trace", trace, kCall, {"macro", "compat", "host", "root", "now", "verbose"},
            "Shows the evaluation of a macro step by step.",
            "Every call with its result, indented by depth, then the whole result. Long texts are cut, unless with "
            "--verbose."),
        row("macro-help", explain, {{"NAME", ArgumentType::text, false, false, "a primitive or macro"}}, {},
            "Explains a primitive of the macro language, with an example and its result, or lists them all.",
            "For a macro its text is shown. The whole language is explained in mars-macros(7)."),
        row("prettyprint", prettyprint, {{"RES", ArgumentType::text, false, false, "ignored"}}, {"compat"},
            "prettyprint-NAME shows the text of the macro NAME on indented lines.",
            "They evaluate to the same, so they can be a start for a macro of your own."),
        row("dump-macros", dump_macros, {kDirectory}, {"compat", "dry-run"},
            "Writes every built-in macro as NAME.tpl, to be changed and used in place of it.",
            "A file that is there is renamed to NAME.tpl.oldN before."),
        row("dump-all-macros", dump_all_macros, {kDirectory}, {"compat", "dry-run"},
            "Like dump-macros, with one more file for each primitive that can be viewed.",
            "A file that is there is renamed to NAME.tpl.oldN before."),
    };
    return verbs;
}

} // namespace mars::shell
