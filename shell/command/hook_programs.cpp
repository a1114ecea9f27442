// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/hook_programs.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <boost/system/system_error.hpp>

#include <unistd.h>

#include "shell/command/wait.hpp"
#include "shell/local/interpreter_line.hpp"
#include "shell/local/process.hpp"
#include "shell/local/trust.hpp"

namespace mars::shell {

namespace {

namespace fs = std::filesystem;
constexpr std::string_view kVariable = "MARS_HOOK";

bool has_programs(const Request& request) {
    const auto& verb = *request.verb;
    const bool is_tool =
        verb.family == Family::script || verb.has(kInformational) || verb.name.starts_with("lowlevel-");
    return !is_tool && !std::getenv(std::string(kVariable).c_str());
}

void print_lines(const std::string& text, const std::function<void(const std::string&)>& print) {
    for (std::size_t begin = 0; begin < text.size();) {
        auto end = std::min(text.find('\n', begin), text.size());
        if (end > begin) print(text.substr(begin, end - begin));
        begin = end + 1;
    }
}

} // namespace

HookPrograms::HookPrograms(Surroundings& surroundings, const Request& request)
    : surroundings_(surroundings), request_(request), is_on_(has_programs(request)) {}

void HookPrograms::add_file(std::vector<std::string>& all, const std::string& path) {
    std::error_code error;
    if (!fs::is_regular_file(path, error) || ::access(path.c_str(), X_OK) != 0) return;
    const auto absolute = fs::absolute(path, error).lexically_normal().string();
    if (auto why = distrust(absolute)) {
        warn_of(surroundings_.output, "the hook " + absolute, *why);
        return;
    }
    all.push_back(absolute);
}

void HookPrograms::add_directory(std::vector<std::string>& all, const std::string& path) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    for (const auto& name : names)
        if (!name.ends_with('~')) add_file(all, path + "/" + name);
}

const std::vector<std::string>& HookPrograms::find(const std::string& type) {
    auto [known, is_new] = found_.try_emplace(type);
    auto& all = known->second;
    if (!is_new || !is_on_) return all;
    const std::string general = "hook-" + type;
    std::vector<std::string> special{general + "-" + std::string(request_.verb->name)};
    if (request_.spelling != request_.verb->name) special.push_back(general + "-" + request_.spelling);
    for (const auto& place : surroundings_.macro_path) {
        for (const auto& name : special) add_file(all, place + "/" + name);
        add_file(all, place + "/" + general);
        for (const auto& name : special) add_directory(all, place + "/" + name + ".d");
        add_directory(all, place + "/" + general + ".d");
    }
    return all;
}

env::task<result<void>> HookPrograms::call_one(VerbContext& ctx, std::string program, std::string type,
                                               std::string resource, const Phase& phase) {
    Command command;
    command.argv = {program, std::string(request_.verb->name), std::move(resource)};
    command.argv.insert(command.argv.end(), request_.arguments.begin(), request_.arguments.end());
    command.environment = {std::string(kVariable) + "=" + type, "MARS_HOOK_PHASE=" + phase_name(phase)};
    const auto& most = ctx.options().hook_timeout;
    const auto left = time_left(ctx);
    const auto limit = most && left ? std::min(*most, *left) : most ? most : left;
    command.limit = limit;
    command.on_waiting = [&ctx, &program](Duration waited) {
        ctx.out().progress(ctx.label("waiting for " + seconds_text(waited) + ": the hook " + program));
    };
    result<ProcessResult> ran = failure(std::errc::operation_canceled, "interrupted");
    try {
        ran = co_await run_process(ctx.env(), std::move(command));
    } catch (const boost::system::system_error&) {
        ctx.out().warning(ctx.label("the hook " + program + " at phase " + phase_name(phase) +
                                    " was waited for; it was ended by the interruption"));
        throw;
    }
    if (ran) {
        print_lines(ran->output, [&](const std::string& line) { ctx.out().info(ctx.label(line)); });
        print_lines(ran->errors, [&](const std::string& line) { ctx.out().warning(ctx.label(line)); });
        if (ran->is_left_open)
            ctx.out().warning(ctx.label("the hook " + program +
                                        " has ended, but has left a process behind that keeps "
                                        "its output open; that is not waited for. next: let it write into a file"));
        if (ran->status == 0) co_return result<void>();
    }
    const bool is_late = !ran && has_reason(ran.error(), "wait.phase");
    std::string why = "the hook ";
    if (is_late)
        why += ran.error().text; // begins with its name
    else
        why += program + " " +
               (ran ? "ended with status " + std::to_string(ran->status)
                    : "does not run: " + ran.error().text + interpreter_trouble(ctx.env().storage(), program));
    why += " at phase " + phase_name(phase) + " of " + request_.spelling;
    if (is_late && left && limit == left) why += " (that was left of --timeout)";
    if (is_late) why += "; next: find out what it waits for, or --hook-timeout=S";
    co_return ctx.overridable("hook.failed", std::move(why));
}

env::task<result<void>> HookPrograms::call(VerbContext& ctx, std::string type, std::string resource,
                                           const Phase& phase) {
    for (const auto& program : find(type)) {
        if (ctx.is_dry_run()) {
            ctx.out().info(ctx.label("would call " + program + " at phase " + phase_name(phase)));
            continue;
        }
        ctx.detail(1, "calling " + program + " at phase " + phase_name(phase));
        MARS_CO_TRY_VOID(co_await call_one(ctx, program, type, resource, phase));
    }
    co_return result<void>();
}

} // namespace mars::shell
