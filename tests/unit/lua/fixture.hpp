// SPDX-License-Identifier: GPL-2.0-or-later
// Programs in Lua on the simulated machine of the shell's tests: host a, resource r, primary b.
#pragma once

#include "lua/interpreter.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

namespace mars::lua::testing {

using namespace std::chrono_literals;
using shell::Severity;

struct LuaSite : shell::testing::Pair {
    // Runs a program to its end; what it prints stays in `output`.
    result<int> lua(const std::string& code, MachineLimits limits = {}) {
        output.events.clear();
        auto process = machine.start_process("marsadm");
        shell::Surroundings surroundings{*process, local, remote, output, {}};
        surroundings.verbs = &shell::built_in_verbs();
        surroundings.hooks = hooks;
        std::optional<result<int>> ended;
        auto program = [&]() -> env::task<void> {
            Interpreter interpreter(surroundings, shell::Options(), limits);
            ended.emplace(co_await interpreter.run_code(code, "=test"));
            used_bytes = interpreter.machine().used_bytes();
        };
        env::TaskGroup group(*process);
        group.spawn("lua", program());
        while_running(group);
        REQUIRE(ended);
        return std::move(*ended);
    }
    // The output of a program that must succeed.
    std::string prints(const std::string& code) {
        auto ended = lua(code);
        INFO(code << "\n" << (ended ? "" : ended.error().text));
        REQUIRE(ended);
        auto text = output.text(Severity::answer);
        if (text.ends_with('\n')) text.pop_back();
        return text;
    }
    // The text of the error that a program must end with.
    std::string fails(const std::string& code, MachineLimits limits = {}) {
        auto ended = lua(code, limits);
        REQUIRE_FALSE(ended);
        return ended.error().text;
    }
    void while_running(env::TaskGroup& group) {
        auto token = std::make_shared<bool>(true);
        beat_on(token);
        bool all_ended = world.run_until([&] { return group.live() == 0; }, 2h);
        *token = false;
        world.settle();
        REQUIRE(all_ended);
    }

    shell::Hooks* hooks = nullptr;
    std::size_t used_bytes = 0;

  private:
    void beat_on(const std::shared_ptr<bool>& token) {
        if (!*token) return;
        alive({"a", "b"});
        if (on_tick) on_tick();
        world.after(500ms, [this, token] { beat_on(token); });
    }
};

} // namespace mars::lua::testing
