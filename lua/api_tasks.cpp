// SPDX-License-Identifier: GPL-2.0-or-later
// Doing several things at once, waiting, and listening to events.
#include <algorithm>
#include <limits>

#include "lua/api.hpp"
#include "lua/interpreter.hpp"
#include "lua/values.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/together.hpp"

namespace mars::lua {

namespace {

constexpr lua_Integer kParallel = 64;

Duration seconds(lua_Number number) {
    constexpr lua_Number kMost = 1e9;
    return std::chrono::duration_cast<Duration>(std::chrono::duration<lua_Number>(std::clamp(number, 0.0, kMost)));
}

class Sleep final : public Operation {
  public:
    Sleep(env::Env& env, Duration span) : env_(env), span_(span) {}
    env::task<void> run() override { co_await env_.clock().sleep(span_); }
    int push(lua_State*) override { return 0; }

  private:
    env::Env& env_;
    Duration span_;
};

int sleep(lua_State* L) {
    return suspend(L, std::make_shared<Sleep>(Machine::of(L).env(), seconds(luaL_checknumber(L, 1))));
}

// --- each ---

class Each final : public Operation {
  public:
    Each(Machine& machine, std::vector<std::string> names, Reference function, std::size_t parallel)
        : machine_(machine), function_(std::move(function)), parallel_(parallel) {
        for (auto& name : names) calls_.push_back(std::make_unique<Call>(std::move(name)));
    }

    env::task<void> run() override {
        std::vector<shell::Job> jobs;
        for (auto& call : calls_) jobs.emplace_back("lua each " + call->name, run_one(*call));
        co_await shell::run_together(machine_.env(), std::move(jobs), parallel_);
    }

    // results, failures: by name.
    int push(lua_State* L) override {
        lua_newtable(L);
        lua_newtable(L);
        for (auto& call : calls_) {
            bool failed = call->failed.has_value();
            if (failed)
                lua::push(L, *call->failed);
            else
                call->value.push(L);
            lua_setfield(L, failed ? -2 : -3, call->name.c_str());
        }
        return 2;
    }

  private:
    struct Call {
        explicit Call(std::string n) : name(std::move(n)) {}
        std::string name;
        std::optional<std::string> failed;
        Reference value;
    };

    env::task<void> run_one(Call& call) {
        Thread thread(machine_);
        function_.push(thread.L());
        lua::push(thread.L(), call.name);
        auto ran = co_await thread.run(1);
        take(call, thread.L(), ran);
    }

    // nil, TEXT is a failure, as with every function; no value at all counts as true.
    static void take(Call& call, lua_State* L, const result<int>& ran) {
        if (!ran) {
            call.failed = ran.error().text;
            return;
        }
        if (*ran == 0) lua_pushboolean(L, 1);
        const int first = lua_gettop(L) - std::max(*ran, 1) + 1;
        if (*ran > 1 && lua_isnil(L, first)) {
            call.failed = lua_isstring(L, first + 1) ? lua_tostring(L, first + 1) : "failed";
            return;
        }
        lua_settop(L, first);
        call.value = Reference(L);
    }

    Machine& machine_;
    Reference function_;
    std::size_t parallel_;
    std::vector<std::unique_ptr<Call>> calls_;
};

int each(lua_State* L) {
    auto names = check_list(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_Integer parallel = kParallel;
    if (get_field(L, 3, "parallel")) parallel = luaL_checkinteger(L, -1);
    luaL_argcheck(L, parallel > 0, 3, "parallel must be at least 1");
    lua_pushvalue(L, 2);
    Reference function(L);
    return suspend(L, std::make_shared<Each>(Machine::of(L), std::move(names), std::move(function),
                                             static_cast<std::size_t>(parallel)));
}

// --- wait ---

std::vector<std::string> watched_directories(const tree::DiskView& view) {
    std::vector<std::string> all{""};
    for (const auto& name : view.list("")) {
        if (!name.starts_with("resource-") && !name.starts_with("actual-")) continue;
        all.push_back(name);
        if (!name.starts_with("resource-")) continue;
        for (const auto& host : view.suffixes(name, "actual-")) all.push_back(name + "/actual-" + host);
        for (const auto& host : view.suffixes(name, "todo-")) all.push_back(name + "/todo-" + host);
    }
    return all;
}

class Wait final : public Operation {
  public:
    Wait(Interpreter& interpreter, Reference condition, std::optional<Duration> limit, Duration recheck)
        : interpreter_(interpreter), condition_(std::move(condition)), limit_(limit), recheck_(recheck) {}

    env::task<void> run() override {
        auto& clock = interpreter_.machine().env().clock();
        const auto start = clock.steady();
        while (true) {
            if (co_await holds()) co_return;
            auto left = recheck_;
            if (limit_) left = std::min(left, *limit_ - (clock.steady() - start));
            if (left <= Duration::zero()) break;
            auto changed = co_await interpreter_.view().wait_for_change(watched_directories(interpreter_.view()), left);
            if (!changed) co_await clock.sleep(std::min<Duration>(left, std::chrono::seconds(1))); // no tree
        }
        failed_ = shell::refusal(
            "wait.phase", "the condition does not hold after " +
                              std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*limit_).count()) + " s");
    }

    int push(lua_State* L) override {
        if (failed_) return push_failure(L, *failed_);
        if (!value_) return luaL_error(L, "the condition is gone");
        value_.push(L);
        return 1;
    }

  private:
    env::task<bool> holds() {
        Thread thread(interpreter_.machine());
        condition_.push(thread.L());
        auto count = co_await thread.run(0);
        if (!count) {
            failed_ = count.error();
            co_return true;
        }
        const int first = lua_gettop(thread.L()) - *count + 1;
        if (*count == 0 || !lua_toboolean(thread.L(), first)) co_return false;
        lua_settop(thread.L(), first);
        value_ = Reference(thread.L());
        co_return true;
    }

    Interpreter& interpreter_;
    Reference condition_;
    std::optional<Duration> limit_;
    Duration recheck_;
    std::optional<failure> failed_;
    Reference value_;
};

int wait(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    auto& interpreter = Interpreter::of(L);
    auto limit = interpreter.defaults().timeout;
    if (!lua_isnoneornil(L, 2)) limit = seconds(luaL_checknumber(L, 2));
    Duration recheck = std::chrono::seconds(1);
    if (get_field(L, 3, "every"))
        recheck = std::max<Duration>(seconds(luaL_checknumber(L, -1)), std::chrono::milliseconds(10));
    lua_pushvalue(L, 1);
    Reference condition(L);
    return suspend(L, std::make_shared<Wait>(interpreter, std::move(condition), limit, recheck));
}

int hook(lua_State* L) {
    auto pattern = check_text(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    Interpreter::of(L).hooks().add(std::move(pattern), Reference(L));
    return 0;
}

constexpr ApiFunction kTaskFunctions[] = {
    {"each", "mars.each(names, fn [, {parallel=64}]) → results, failures",
     "Calls fn(name) for every name, all at the same time: while one waits, the others go on. Waits for all. The "
     "results and the texts of the failures are tables with the names as keys; nil, text from fn, and an error in it, "
     "are failures; no result counts as true.",
     "misuse raises", true,
     "local names = mars.each(mars.hosts(), function(host) return host:upper() end)\nprint(names.a, names.b)", "A\tB",
     each},
    {"wait", "mars.wait(fn [, timeout [, {every=1}]]) → value",
     "Calls fn() until it returns something that is true, and returns that. It is called again when something in the "
     "tree has changed, and every second. timeout: seconds, else --timeout.",
     "wait.phase when the time is over; lua.error when fn fails", true,
     "print(mars.wait(function() return mars.get(\"r\", \"get-primary\") == \"b\" end, 10))", "true", wait},
    {"sleep", "mars.sleep(seconds)", "Waits; others run meanwhile.", "", true, "mars.sleep(0.01)\nprint(\"later\")",
     "later", sleep},
    {"hook", "mars.hook(pattern, fn)",
     "Calls fn(event) at events whose name matches the pattern (* is any text): VERB.before, VERB.PHASE.after and so "
     "on "
     "of verbs that this program runs. event has name, resource, host, forced, and more depending on the event. When "
     "fn "
     "returns false, or nil and a text, at a .before, the verb is refused there.",
     "misuse raises", false,
     "mars.hook(\"pause-fetch.before\", function(event) return nil, \"not today\" end)\nlocal done, why = "
     "mars.pause_fetch(\"r\")\nprint(why)",
     "resource r: the script refuses pause-fetch.before: not today", hook},
};

} // namespace

std::span<const ApiFunction> task_functions() {
    return kTaskFunctions;
}

} // namespace mars::lua
