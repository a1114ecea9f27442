// SPDX-License-Identifier: GPL-2.0-or-later
// Real commands: output, input, status, streaming, deadline, and nothing is left running.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <csignal>

#include "kernel/env/real/real_env.hpp"
#include "lua/api.hpp"
#include "shell/local/process.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/lua/fixture.hpp"

using namespace mars;
using namespace mars::lua;
using namespace mars::lua::testing;

namespace {

struct Real {
    Real() { std::signal(SIGPIPE, SIG_IGN); } // as marsadm does
    result<shell::ProcessResult> run(shell::Command command) {
        std::optional<result<shell::ProcessResult>> ended;
        auto body = [&]() -> env::task<void> { ended.emplace(co_await shell::run_process(env, command)); };
        env::TaskGroup group(env);
        group.spawn("command", body());
        context.run();
        context.restart();
        REQUIRE(ended);
        return std::move(*ended);
    }
    std::string prints(const std::string& code) {
        shell::testing::FakeLocalHost local;
        shell::testing::FakeRemote remote;
        shell::RecordedOutput output;
        shell::Surroundings surroundings{env, local, remote, output, {}};
        surroundings.verbs = &shell::built_in_verbs();
        std::optional<result<int>> ended;
        auto body = [&]() -> env::task<void> {
            Interpreter interpreter(surroundings, shell::Options());
            ended.emplace(co_await interpreter.run_code(code, "=test"));
        };
        env::TaskGroup group(env);
        group.spawn("lua", body());
        context.run();
        context.restart();
        REQUIRE(ended);
        INFO((*ended ? "" : ended->error().text));
        CHECK(ended->has_value());
        return output.text(Severity::answer);
    }

    env::asio::io_context context{1};
    env::RealEnv env{context, env::make_stderr_log(env::LogLevel::warning), env::FileIo::Use::threads};
};

} // namespace

TEST_CASE("a command gives its output, errors and status, and gets its input") {
    Real real;
    shell::Command command;
    command.argv = {"sh", "-c", "cat; echo oops >&2; exit 7"};
    command.input = std::string(1 << 20, 'x');
    auto ended = real.run(command);
    REQUIRE(ended);
    CHECK(ended->status == 7);
    CHECK(ended->output == command.input);
    CHECK(ended->errors == "oops\n");
}

TEST_CASE("a command that does not exist, one that dies, and one that does not read its input") {
    Real real;
    shell::Command command;
    command.argv = {"/no/such/program"};
    CHECK_FALSE(real.run(command));
    command.argv = {"sh", "-c", "kill -9 $$"};
    CHECK(real.run(command)->status == 137);
    command.argv = {"true"};
    command.input = std::string(1 << 20, 'x');
    CHECK(real.run(command)->status == 0);
}

TEST_CASE("a command that takes too long is killed with its children") {
    Real real;
    shell::Command command;
    command.argv = {"sh", "-c", "echo $$; sleep 1000 & sleep 1000"};
    command.limit = std::chrono::milliseconds(300);
    std::string seen;
    command.on_text = [&](bool, std::string piece) -> env::task<void> {
        seen += piece;
        co_return;
    };
    auto ended = real.run(command);
    REQUIRE_FALSE(ended);
    CHECK(shell::has_reason(ended.error(), "wait.phase"));
    CHECK(::kill(std::stoi(seen), 0) != 0);
}

TEST_CASE("mars.sh: the example, streaming, a shell line, a timeout") {
    Real real;
    for (const auto* row : api_functions())
        if (row->name == "sh") CHECK(real.prints(std::string(row->example)) == std::string(row->prints) + "\n");
    CHECK(real.prints("local got = {}\n"
                      "local r = mars.sh(nil, 'echo one; echo two >&2', {on_stdout = function(s) got[1] = s end,"
                      " on_stderr = function(s) got[2] = s end})\n"
                      "print(got[1] .. got[2] .. r.status)") == "one\ntwo\n0\n");
    CHECK(real.prints("print(select(3, mars.sh(nil, {'sleep', '1000'}, {timeout = 0.2})))") == "wait.phase\n");
    CHECK(real.prints("print(mars.sh(nil, \"trap '' TERM; sleep 0.8; exit 4\", {timeout = 0.5}).status)") == "4\n");
    CHECK(real.prints("print(select(3, mars.sh(nil, {'/no/such/program'})))") == "sys.io\n");
}
