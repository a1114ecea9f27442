// SPDX-License-Identifier: GPL-2.0-or-later
// How well things are: doctor, safe-to-stop, forecast. They look, and change nothing. Tests: tests/unit/shell/
// doctor_test.cpp, stop_check_test.cpp, forecast_test.cpp.
#include <cstdio>

#include "macros/tools/json.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/health/doctor.hpp"
#include "shell/health/forecast.hpp"
#include "shell/health/stop_check.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

constexpr Duration kMeasured = std::chrono::seconds(4); // positions are told every 2 s

Patient patient_of(VerbContext& ctx) {
    Patient patient{ctx.view(), {ctx.me(), ctx.env().clock().now()}};
    patient.marsd_runs = ctx.is_marsd_running();
    patient.root = ctx.view().root();
    patient.window = ctx.options().window;
    if (const auto space = ctx.env().storage().space(patient.root)) patient.space = *space;
    return patient;
}

std::string json_or_null(std::string_view text) {
    return text.empty() ? "null" : macros::json_string(text);
}

std::string json_of(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const auto& text : texts) out += (out.size() > 1 ? ", " : "") + macros::json_string(text);
    return out + "]";
}

// Objects of fields "KEY": VALUE, one below the other.
std::string json_list(const std::vector<std::string>& objects) {
    std::string out = "[";
    for (const auto& object : objects) out += (out.size() > 1 ? ",\n    {" : "\n    {") + object + "}";
    return out + (objects.empty() ? "]" : "\n  ]");
}

std::string json_of(const std::vector<Finding>& found) {
    std::vector<std::string> objects;
    for (const auto& f : found)
        objects.push_back("\"weight\": " + std::string(f.weight == Weight::error ? "\"error\"" : "\"warning\"") +
                          ", \"check\": " + macros::json_string(f.check) +
                          ", \"resource\": " + json_or_null(f.resource) + ", \"host\": " + json_or_null(f.host) +
                          ", \"what\": " + macros::json_string(f.what) + ", \"why\": " + json_or_null(f.why) +
                          ", \"next\": " + json_of(f.cures));
    constexpr const char* kWords[] = {"ok", "warning", "error"};
    return "{\n  \"status\": \"" + std::string(kWords[status_of(found)]) +
           "\",\n  \"findings\": " + json_list(objects) + "\n}\n";
}

env::task<result<Step>> doctor(VerbContext& ctx) {
    const auto patient = patient_of(ctx);
    const auto found = examine(patient, ctx.resources());
    ctx.out().answer_text(ctx.options().json ? json_of(found) : report_of(found));
    ctx.exit_with(status_of(found));
    co_return Step::done;
}

std::string json_of(const StopCheck& check, const std::string& host) {
    std::vector<std::string> objects;
    for (const auto& obstacle : check.obstacles)
        objects.push_back("\"resource\": " + json_or_null(obstacle.resource) +
                          ", \"why\": " + macros::json_string(obstacle.why) + ", \"next\": " + json_of(obstacle.cures));
    return "{\n  \"host\": " + macros::json_string(host) +
           ",\n  \"safe_to_stop\": " + (check.is_safe() ? "true" : "false") +
           ",\n  \"obstacles\": " + json_list(objects) + ",\n  \"notes\": " + json_of(check.remarks) + "\n}\n";
}

env::task<result<Step>> safe_to_stop(VerbContext& ctx) {
    const auto host = ctx.argument(0).empty() ? ctx.me() : ctx.argument(0);
    MARS_CO_TRY_VOID(check_host_known(ctx, host));
    const auto patient = patient_of(ctx);
    const auto check = check_stop(patient, host);
    ctx.out().answer_text(ctx.options().json ? json_of(check, host) : report_of(check, host));
    ctx.exit_with(check.is_safe() ? 0 : 1);
    co_return Step::done;
}

std::string json_of(const std::vector<Forecast>& all) {
    const auto number = [](const std::optional<double>& value) {
        char text[64];
        std::snprintf(text, sizeof text, "%.0f", value.value_or(0));
        return value ? std::string(text) : std::string("null");
    };
    std::vector<std::string> objects;
    for (const auto& f : all) {
        const auto in = f.in ? std::optional(std::chrono::duration<double>(*f.in).count()) : std::nullopt;
        objects.push_back(
            "\"what\": " + macros::json_string(f.what) + ", \"resource\": " + json_or_null(f.resource) +
            ", \"host\": " + macros::json_string(f.host) + ", \"outlook\": " + macros::json_string(word_of(f.outlook)) +
            ", \"in_seconds\": " + number(in) + ", \"rest_bytes\": " + (f.bytes ? std::to_string(*f.bytes) : "null") +
            ", \"rate_bytes_per_second\": " + number(f.rate) + ", \"why\": " + json_or_null(f.why));
    }
    return "{\n  \"forecasts\": " + json_list(objects) + "\n}\n";
}

env::task<result<Step>> forecast(VerbContext& ctx) {
    const auto resources = ctx.resources().empty() ? all_resources(ctx.view()) : ctx.resources();
    Measured measured;
    measured.before = written_so_far(ctx.view());
    const auto begin = ctx.env().clock().steady();
    if (!resources.empty()) co_await ctx.env().clock().sleep(kMeasured);
    measured.after = written_so_far(ctx.view());
    measured.taken = ctx.env().clock().steady() - begin;
    const auto patient = patient_of(ctx);
    const auto all = forecasts(patient, resources, measured);
    const auto text = all.empty() ? std::string("there is no resource\n") : report_of(all, patient.now());
    ctx.out().answer_text(ctx.options().json ? json_of(all) : text);
    co_return Step::done;
}

// All of them look at what is here, whatever state this host is in. Only root can read it: to others nothing would seem
// to be there.
constexpr unsigned kLooks = kReads | kInformational | kNoUuid | kNoMemberCheck;

} // namespace

const std::vector<Verb>& health_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "doctor",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::free,
         .arguments = {},
         .options = {"json", "window"},
         .flags = kLooks,
         .phases = {{.number = 1, .title = "", .run = doctor}},
         .summary = "Tells everything that is not all right, why, and the commands to cure it.",
         .doc =
             "Looks at this host and, as far as is known here, at all others: marsd, hosts that nothing is heard of, "
             "messages, room in /mars, clocks, versions; of each resource the primary, split brain, handover, "
             "application, switches that are off and for how long, disks, devices, copies, replicas that are behind, "
             "damaged logs, emergency mode. With a resource: at that, and its hosts. What a silent host has told is "
             "marked with the time as of which it is so. For monitoring: exit status 0 when all is right, 1 with "
             "warnings only, 2 with errors (a wrong option or argument is 2 as well, with nothing on stdout). With "
             "--json: status (ok, warning, error) and findings with weight, check, resource, host, what, why, next.",
         .errors = {"res.missing"}},
        {.name = "safe-to-stop",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {{"HOST", ArgumentType::host, false, false, "the host to be stopped; else this one"}},
         .options = {"json"},
         .flags = kLooks,
         .phases = {{.number = 1, .title = "", .run = safe_to_stop}},
         .summary = "Tells whether a host may go down now, and if not, why, and what to do first.",
         .doc = "It may not while it is a primary whose device is in use or whose application runs there, has the only "
                "usable replica of a resource, has logs that no other member has that is heard of, others copy from "
                "it, or a handover is under way; nor while what is known of it here is old. Nothing is asked of other "
                "hosts, and nothing is stopped. Exit status 0: yes; 1: no. With --json: safe_to_stop, obstacles with "
                "resource, why, next; notes.",
         .errors = {"name.nohost"}},
        {.name = "forecast",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::free,
         .arguments = {},
         .options = {"json"},
         .flags = kLooks,
         .phases = {{.number = 1, .title = "", .run = forecast}},
         .summary = "Tells when each secondary has caught up, and when /mars is full.",
         .doc = "Measures for 4 s how much is written; the other rates are those that marsd publishes. A replica has "
                "caught up after what it is behind, divided by what is applied less what is written per second. /mars "
                "fills up where logs are kept for members that do not catch up, with what is written now or, when that "
                "is more, has been written on average over a day; else logs go when all members have applied them. "
                "What cannot be known is unknown, with the reason; where it does not come to an end, it says 'not at "
                "this rate'. With --json: forecasts with what (caught-up, mars-full), resource, host, outlook (done, "
                "in-time, never, unknown), in_seconds, rest_bytes, rate_bytes_per_second, why.",
         .errors = {"res.missing"}},
    };
    return verbs;
}

} // namespace mars::shell
