// SPDX-License-Identifier: GPL-2.0-or-later
// Looking at things: view. Spec: verbs 4.38. Tests: tests/unit/shell/view_test.cpp.
#include <algorithm>

#include "kernel/tree/heard.hpp"
#include "kernel/tree/news.hpp"
#include "macros/tools/check.hpp"
#include "macros/tools/json.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/split_report.hpp"
#include "shell/command/wait.hpp"
#include "shell/macro/macro_session.hpp"
#include "shell/terminal/colours.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

constexpr std::string_view kDefaultMacro = "default";
constexpr std::string_view kNewScreen = "\x1b[H\x1b[2J";
constexpr Duration kShortestPicture = std::chrono::milliseconds(300);

// "view", "view-NAME", and "viewNAME", as releases up to 0.1a allow. Spec: macro-language 1.6.
std::string macro_name(const VerbContext& ctx) {
    std::string_view name = ctx.request().spelling;
    name.remove_prefix(std::string_view("view").size());
    if (name.starts_with('-')) name.remove_prefix(1);
    return std::string(name.empty() ? kDefaultMacro : name);
}

// What one evaluation yields.
struct Picture {
    std::string text;
    std::vector<std::pair<std::string, failure>> failures; // resource, why
    std::vector<std::string> warnings;                     // about the picture itself
    std::string hint;                                      // to a failure: what may be meant
};

bool is_list(const VerbContext& ctx) {
    return ctx.request().resources == "all" || ctx.request().resources.find(',') != std::string::npos;
}

std::string only_resource(const VerbContext& ctx) {
    return ctx.resources().empty() ? std::string() : ctx.resources().front();
}

// One object, or an array of them for a list.
std::string json_text(VerbContext& ctx, const macros::Context& context, Picture& picture) {
    auto name = macro_name(ctx);
    std::string only = name == kDefaultMacro && context.macro_text.empty() ? std::string() : name;
    auto object_of = [&](const std::string& resource) {
        std::optional<failure> failed;
        auto object = macros::json_of_resource(context, resource, only, &failed);
        if (failed) picture.failures.emplace_back(resource, *failed);
        if (const auto split = only.empty() && !failed ? split_json(context.view, resource) : ""; !split.empty())
            if (const auto end = object.rfind("\n}"); end != std::string::npos)
                object.insert(end, ",\n  \"split_brain\": " + split);
        return object;
    };
    if (!is_list(ctx)) return object_of(only_resource(ctx));
    std::string text = "[\n";
    for (const auto& resource : ctx.resources()) {
        auto object = object_of(resource);
        if (text.size() > 2) text.insert(text.size() - 1, ",");
        text += object;
    }
    return text + "]\n";
}

void evaluate(VerbContext& ctx, macros::Context& context, Picture& picture) {
    const auto name = macro_name(ctx);
    const auto& arguments = ctx.request().arguments;
    macros::Session session(context);
    if (context.macro_text.empty() && !session.has_macro(name)) picture.hint = other_macros(session, name);
    if (ctx.options().json && !session.has_macro(name)) {
        picture.failures.emplace_back("", failure(std::errc::operation_canceled, "cannot find macro '" + name + "'"));
    } else if (ctx.options().json) {
        picture.text = json_text(ctx, context, picture);
    } else {
        auto frame = ctx.request().resources == "all" ? session.view_all(name, ctx.resources(), arguments)
                     : is_list(ctx)                   ? session.view_resources(name, ctx.resources(), arguments)
                                                      : session.view_one(name, only_resource(ctx), arguments);
        picture.text = std::move(frame.text);
        picture.failures = std::move(frame.failures);
    }
}

// Macros that speak of the primary, and so grow old when nothing is heard of it.
bool tells_of_others(std::string_view name) {
    return name == kDefaultMacro || name.starts_with("diskstate") || name.starts_with("replstate") || name == "1and1";
}

// Hosts that nothing was heard of lately make what is shown old.
std::vector<std::string> silence(VerbContext& ctx, const tree::View& tree) {
    std::vector<std::string> warnings;
    if (!tree.get("uuid"))
        warnings.push_back("host " + ctx.self() +
                           " belongs to no cluster yet; next: marsadm create-cluster, or marsadm "
                           "join-cluster HOST");
    if (ctx.options().now || ctx.me() != ctx.self()) return warnings; // not this host, not this moment
    const auto& root = ctx.view().root();
    const auto own = tree::heard_at(tree, ctx.self(), ctx.env().clock().now());
    const auto old = own ? seconds_text(ctx.age(*own)) + " old" : std::string("of unknown age");
    if (const auto space = ctx.env().storage().space(root); space && space->is_read_only) {
        warnings.push_back(root + " on host " + ctx.self() +
                           " is read-only, so marsd cannot tell anything: what is shown is " + old +
                           ", whatever it says; next: dmesg tells why; stop marsd, fsck, and mount it again");
        return warnings;
    }
    if (!ctx.is_marsd_running()) {
        warnings.push_back("marsd does not run on host " + ctx.self() + ", or cannot write to " + root +
                           ": what is shown is " + old + "; next: systemctl status marsd, systemctl start marsd");
        return warnings;
    }
    if (own && ctx.age(*own) > tree::kFreshNews)
        warnings.push_back("nothing is heard of marsd on host " + ctx.self() + ": what is shown is " + old +
                           "; next: journalctl -u marsd");
    if (const auto lead = tree::clock_lead(tree, ctx.self(), ctx.env().clock().now()); lead > std::chrono::minutes(1))
        warnings.push_back(
            "the cluster's clock is " + seconds_text(lead) +
            " ahead of this host's: a host had a wrong clock, or somebody has touched a key; the data is not "
            "affected; next: compare the clocks of all hosts (marsadm @hosts lua 'return os.time()')");
    for (const auto& host : sharing_hosts(tree)) {
        const auto time = tree::heard_at(tree, host, ctx.env().clock().now());
        if (host == ctx.self() || (time && ctx.age(*time) <= tree::kFreshNews)) continue;
        warnings.push_back("nothing is heard of host " + host +
                           (time ? " for " + seconds_text(ctx.age(*time)) + ", what is shown of it is that old"
                                 : std::string(" so far")));
    }
    return warnings;
}

constexpr Duration kListed = std::chrono::seconds(30); // older errors of the own host are in the picture (macro 3.4)

// What makes a replica one that cannot be relied upon, or a primary one without a device, and since when (real time of
// the host that says so).
struct Trouble {
    std::string text;
    std::optional<Stamp> since;
    bool is_never_listed = false;
};

std::optional<Trouble> trouble_of(const tree::View& tree, const std::string& actual, bool is_designated) {
    const auto message = [&](const char* name) {
        const auto said = message_at(tree, actual + "/msg-" + name);
        return said ? std::optional(Trouble{said->text, said->real}) : std::nullopt;
    };
    if (const auto code = tree.value(actual + "/disk-error", "0"); code != "0") {
        auto said = code == "-116" ? message("err-disk-mismatch") : std::nullopt;
        return said ? said
                    : Trouble{"its disk is not used, disk-error = " + code + "; next: look at the log of marsd there",
                              std::nullopt};
    }
    for (const char* name : {"err-past-missing", "err-splitbrain-detected", "err-log-not-contiguous", "err-disk-hangs"})
        if (auto said = message(name)) return said;
    const auto codes = tree.value(actual + "/replay-code", "0");
    const auto why = message("err-replay-stop");
    if (codes.starts_with('-'))
        return Trouble{"its replay has stopped, replay-code = " + codes + (why ? ": " + why->text : ""),
                       why ? why->since : std::nullopt};
    if (why) return why; // damage that is being repaired, a device that cannot be made
    // Its device is there, or is not to be there any more: whatever it waited for a moment ago.
    if (!is_designated || tree.flag(actual + "/if-on")) return std::nullopt;
    auto waits = message("inf-primary-wait");
    if (waits) waits->is_never_listed = true;
    return waits;
}

// The picture of a resource is that of one host: what makes another one's replica worthless belongs to it. The own
// host's errors are in the picture, but only when they are old enough.
std::vector<std::string> troubles(VerbContext& ctx, const tree::View& tree) {
    std::vector<std::string> warnings;
    const auto now = ctx.env().clock().now();
    for (const auto& resource : ctx.resources())
        for (const auto& host : members_of(tree, resource)) {
            const bool is_designated = designated_primary(tree, resource) == host;
            const auto found = trouble_of(tree, tree::resource_key(resource, "actual-" + host), is_designated);
            if (!found) continue;
            const bool is_listed = !found->is_never_listed && (!found->since || now - *found->since >= kListed);
            if (host != ctx.me() || !is_listed)
                warnings.push_back("resource " + resource + " on host " + host + ": " + found->text);
        }
    return warnings;
}

env::task<Picture> take_picture(VerbContext& ctx, bool keep_warnings) {
    Picture picture;
    MacroSetup setup(ctx, macro_name(ctx));
    if (keep_warnings) setup.outside.keep_warnings(&picture.warnings);
    setup.view.announce(ctx.resources());
    std::function<void()> body = [&ctx, &setup, &picture] { evaluate(ctx, setup.context, picture); };
    co_await run_macros(ctx, setup, std::move(body));
    if (tells_of_others(macro_name(ctx)) && !ctx.options().json) {
        auto old = silence(ctx, setup.view);
        picture.warnings.insert(picture.warnings.end(), old.begin(), old.end());
        const auto others = troubles(ctx, setup.view);
        picture.warnings.insert(picture.warnings.end(), others.begin(), others.end());
        for (const auto& resource : ctx.resources())
            for (const auto& line : split_report(setup.view, resource))
                picture.warnings.push_back("resource " + resource + ": " + line);
    }
    co_return picture;
}

result<Step> judge(VerbContext& ctx, const Picture& picture) {
    if (picture.failures.empty()) return Step::done;
    if (is_list(ctx) && picture.failures.size() < ctx.resources().size()) ctx.note_partly_done();
    std::string why;
    for (const auto& [resource, failed] : picture.failures)
        why += (why.empty() ? "" : "\n") + (resource.empty() ? "" : "resource " + resource + ": ") + failed.text;
    return refusal("view.macro", why + picture.hint);
}

std::vector<std::string> places_to_watch(const VerbContext& ctx) {
    std::vector<std::string> places{""};
    for (const auto& resource : ctx.resources()) {
        auto directory = tree::resource_dir(resource);
        places.push_back(directory);
        for (const auto& host : ctx.view().suffixes(directory, "actual-"))
            places.push_back(directory + "/actual-" + host);
        for (const auto& host : ctx.view().suffixes(directory, "todo-")) places.push_back(directory + "/todo-" + host);
    }
    return places;
}

void draw(VerbContext& ctx, const Picture& picture, std::string& before) {
    std::string text = picture.text;
    for (const auto& [resource, why] : picture.failures) text += why.text + "\n";
    for (const auto& warning : picture.warnings) text += "warning: " + warning + "\n";
    if (ctx.out().takes_colours())
        ctx.out().answer(std::string(kNewScreen) + coloured(before.empty() ? text : with_changes(before, text)));
    else if (text != before)
        ctx.out().answer_text(text);
    before = std::move(text);
}

// Goes on until it is interrupted, or no change can be noticed any more.
env::task<result<Step>> watch(VerbContext& ctx) {
    std::string before;
    const auto places = places_to_watch(ctx);
    while (true) {
        auto started = ctx.env().clock().steady();
        auto picture = co_await take_picture(ctx, true);
        draw(ctx, picture, before);
        auto changed = co_await ctx.view().wait_for_change(places, *ctx.options().watch);
        if (!changed) co_return changed.error();
        auto taken = ctx.env().clock().steady() - started;
        if (taken < kShortestPicture) co_await ctx.env().clock().sleep(kShortestPicture - taken);
    }
}

env::task<result<Step>> view(VerbContext& ctx) {
    if (ctx.options().watch) co_return co_await watch(ctx);
    bool foreign = ctx.me() != ctx.self();
    if (foreign && ctx.options().compat_01a && !ctx.options().json)
        ctx.out().answer("ATTENTION: acting as if I were host '" + ctx.me() + "'");
    auto picture = co_await take_picture(ctx, false);
    ctx.out().answer_text(ctx.out().takes_colours() && !ctx.options().json ? coloured(picture.text) : picture.text);
    for (const auto& warning : picture.warnings) ctx.out().warning(warning);
    co_return judge(ctx, picture);
}

} // namespace

const std::vector<Verb>& view_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "view",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::free,
         .arguments = {{"ARGUMENT", ArgumentType::text, false, true, "for the macro: %{1}, %{2}, ..."}},
         .options = {"macro", "json", "watch", "compat", "verbose", "window", "threshold", "host", "root", "now"},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = view}},
         .summary = "Shows the state of resources; view-NAME shows what the macro NAME says.",
         .doc = "Without a resource the macro is evaluated once for the whole host. Plain view uses the macro default: "
                "a line with disk state, replication state, flags, role and primary for each resource, and progress "
                "lines. Macros are NAME.tpl in $HOME/.marsadm, /etc/marsadm, /usr/lib/marsadm, "
                "/usr/local/lib/marsadm, and built in: marsadm macro list. Their language is in mars-macros(7). On a "
                "terminal state words are coloured, unless NO_COLOR is set. With --json all primitives are shown as "
                "one object per resource.",
         .errors = {"res.missing", "view.macro"}},
    };
    return verbs;
}

} // namespace mars::shell
