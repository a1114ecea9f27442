// SPDX-License-Identifier: GPL-2.0-or-later
// Commands, messages, JSON.
#include <array>
#include <chrono>
#include <deque>

#include "kernel/env/task_group.hpp"
#include "lua/api.hpp"
#include "lua/interpreter.hpp"
#include "lua/values.hpp"
#include "shell/command/hosts.hpp"
#include "shell/local/process.hpp"
#include "shell/ssh/remote_end.hpp"

namespace mars::lua {

namespace {

struct ShellCall {
    std::string host;
    std::vector<std::string> argv;
    std::string input;
    std::optional<Duration> limit;
    Reference on_output;
    Reference on_errors;
};

class Sh final : public Operation {
  public:
    Sh(Interpreter& interpreter, ShellCall call) : interpreter_(interpreter), call_(std::move(call)) {}

    env::task<void> run() override {
        if (call_.host.empty() || call_.host == interpreter_.context().self())
            co_await run_here();
        else
            co_await run_there();
    }

    int push(lua_State* L) override {
        if (trouble_) return luaL_error(L, "%s", trouble_->text.c_str());
        if (!result_) return push_failure(L, result_.error());
        lua_newtable(L);
        set_field(L, "status", result_->status);
        set_field(L, "stdout", result_->output);
        set_field(L, "stderr", result_->errors);
        return 1;
    }

  private:
    env::task<void> run_here() {
        shell::Command command;
        command.argv = call_.argv;
        command.input = call_.input;
        command.limit = call_.limit;
        command.has_last_word = [this](int status) { return shell::is_own_end(call_.argv, status); };
        command.on_text = [this](bool is_error, std::string piece) { return tell(is_error, std::move(piece)); };
        result_ = co_await shell::run_process(interpreter_.machine().env(), std::move(command));
    }

    env::task<void> run_there() {
        auto& ctx = interpreter_.context();
        const auto& options = interpreter_.defaults();
        shell::RemoteHost host(call_.host, shell::known_address(ctx, call_.host).value_or(""));
        auto how = shell::remote_options(options);
        auto limit = call_.limit.value_or(options.timeout.value_or(std::chrono::hours(24)));
        // Pieces are handed to Lua one after the other, while the command goes on.
        env::TaskGroup group(interpreter_.machine().env());
        env::Event more(interpreter_.machine().env().lot());
        bool has_ended = false;
        std::deque<std::pair<bool, std::string>> pieces;
        how.on_text = [&](shell::RemoteStream stream, std::string_view piece) {
            pieces.emplace_back(stream == shell::RemoteStream::errors, std::string(piece));
            more.notify();
        };
        auto deliver = [&]() -> env::task<void> {
            while (!has_ended || !pieces.empty()) {
                while (pieces.empty() && !has_ended) co_await more.wait();
                if (pieces.empty()) break;
                auto [is_error, piece] = std::move(pieces.front());
                pieces.pop_front();
                co_await tell(is_error, std::move(piece));
            }
        };
        group.spawn("lua sh", deliver());
        std::exception_ptr interrupted;
        result<shell::RemoteResult> done = failure(std::errc::operation_canceled, "interrupted");
        try {
            done = co_await ctx.remote().run(std::move(host), std::move(how), call_.argv, call_.input, limit);
        } catch (...) {
            interrupted = std::current_exception();
        }
        has_ended = true;
        more.notify();
        const bool throws = co_await env::asio::this_coro::throw_if_cancelled();
        co_await env::asio::this_coro::throw_if_cancelled(false);
        if (interrupted)
            co_await group.stop();
        else
            co_await group.join();
        co_await env::asio::this_coro::throw_if_cancelled(throws);
        if (interrupted) std::rethrow_exception(interrupted);
        if (!done) {
            result_ = done.error();
            co_return;
        }
        shell::ProcessResult copy;
        copy.status = done->status;
        copy.output = std::move(done->output);
        copy.errors = std::move(done->errors);
        result_ = std::move(copy);
    }

    env::task<void> tell(bool is_error, std::string piece) {
        const auto& listener = is_error ? call_.on_errors : call_.on_output;
        if (!listener || trouble_) co_return;
        Thread thread(interpreter_.machine());
        listener.push(thread.L());
        lua::push(thread.L(), piece);
        auto told = co_await thread.run(1);
        if (!told) trouble_ = told.error();
    }

    Interpreter& interpreter_;
    ShellCall call_;
    result<shell::ProcessResult> result_ = failure(std::errc::not_connected, "");
    std::optional<failure> trouble_;
};

int sh(lua_State* L) {
    ShellCall call;
    call.host = optional_text(L, 1);
    if (lua_isstring(L, 2))
        call.argv = {"/bin/sh", "-c", check_text(L, 2)};
    else
        call.argv = check_list(L, 2);
    luaL_argcheck(L, !call.argv.empty(), 2, "no command is given");
    if (get_field(L, 3, "input")) call.input = check_text(L, -1);
    if (get_field(L, 3, "timeout"))
        call.limit = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(luaL_checknumber(L, -1)));
    if (get_field(L, 3, "on_stdout")) call.on_output = Reference(L);
    if (get_field(L, 3, "on_stderr")) call.on_errors = Reference(L);
    return suspend(L, std::make_shared<Sh>(Interpreter::of(L), std::move(call)));
}

int log(lua_State* L) {
    static constexpr std::array kLevels{"info", "hint", "warning", "error"};
    using shell::Severity;
    static constexpr std::array kSeverities{Severity::info, Severity::hint, Severity::warning, Severity::error};
    std::size_t level = 0;
    auto text = check_text(L, lua_gettop(L) > 1 ? 2 : 1);
    if (lua_gettop(L) > 1) {
        auto name = check_text(L, 1);
        while (level < kLevels.size() && name != kLevels[level]) ++level;
        if (level == kLevels.size()) return luaL_argerror(L, 1, "expected info, hint, warning or error");
    }
    Interpreter::of(L).surroundings().output.write(kSeverities[level], text);
    return 0;
}

int json(lua_State* L) {
    luaL_checkany(L, 1);
    push(L, to_json(L, 1));
    return 1;
}

int parse_json(lua_State* L) {
    auto text = check_text(L, 1);
    if (auto pushed = push_json(L, text); !pushed) return push_failure(L, pushed.error());
    return 1;
}

constexpr ApiFunction kSystemFunctions[] = {
    {"sh", "mars.sh(host, argv [, {input=, timeout=, on_stdout=, on_stderr=}]) → result",
     "Runs a command on a host through ssh as root, or here when host is nil or the local one. argv is a list, each "
     "word arrives as it is; a string is given to /bin/sh. The result has status, stdout and stderr; on_stdout(piece) "
     "and on_stderr(piece) get the output while it comes. timeout: seconds; then it is told to end, there as well; "
     "when it comes to an end of its own all the same, that counts. That it ran is a success, whatever its status.",
     "remote.ssh, sys.io (no such program), wait.phase (timeout)", true,
     "local r = mars.sh(nil, {\"sed\", \"s/ice/ame/\"}, {input = \"nice\\n\"})\nprint(r.status, "
     "(r.stdout:gsub(\"\\n\", \"\")))",
     "0\tname", sh},
    {"log", "mars.log([level,] text)",
     "A message to stderr (info: stdout), as verbs give them: level is info (the default), hint, warning or error.", "",
     false, "mars.log(\"warning\", \"the disk smells\")", "", log},
    {"json", "mars.json(value) → string",
     "JSON for a value: tables with 1, 2, ... are arrays, others objects with sorted names.", "raises for functions",
     false, "print(mars.json({host = \"a\", list = {1, true, \"x\"}}))", "{\"host\":\"a\",\"list\":[1,true,\"x\"]}",
     json},
    {"parse_json", "mars.parse_json(text) → value", "The value of a JSON text.", "usage.arg", false,
     "print(mars.parse_json('{\"a\": [1, 2]}').a[2])", "2", parse_json},
};

} // namespace

std::span<const ApiFunction> system_functions() {
    return kSystemFunctions;
}

} // namespace mars::lua
