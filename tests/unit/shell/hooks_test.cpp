// SPDX-License-Identifier: GPL-2.0-or-later
// Events of verbs: their names and order, refusals, and what an interrupted verb tells.
#include "shell/command/hooks.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Listener final : Hooks {
    bool listens(std::string_view) override { return true; }
    env::task<result<void>> fire(Event event) override {
        names += (names.empty() ? "" : " ") + event.name;
        if (event.name == refused && !event.forced) co_return refusal("hook.failed", "not today");
        co_return result<void>();
    }
    std::string names;
    std::string refused;
};

// Both hosts live, and answer questions, as long as somebody holds `token`.
void keep_alive(Pair& site, std::weak_ptr<int> token) {
    if (token.expired()) return;
    site.alive({"a", "b"});
    site.world.after(500ms, [&site, token] { keep_alive(site, token); });
}

// Runs a verb with a listener; `cancel_after`: interrupts it then.
RunResult run(Pair& site, Hooks& hooks, const Words& words, std::optional<Duration> cancel_after = {}) {
    site.output.events.clear();
    auto process = site.machine.start_process("marsadm");
    Surroundings surroundings{*process, site.local, site.remote, site.output, {}};
    surroundings.verbs = &built_in_verbs();
    surroundings.hooks = &hooks;
    std::optional<RunResult> ended;
    auto body = [](Surroundings& where, Words line, std::optional<RunResult>& out) -> env::task<void> {
        Options defaults;
        out.emplace(co_await run_words(where, std::move(line), std::move(defaults)));
    };
    env::TaskGroup group(*process);
    group.spawn("verb", body(surroundings, words, ended));
    const auto token = std::make_shared<int>();
    keep_alive(site, token);
    if (cancel_after) site.world.after(*cancel_after, [&] { group.cancel(); });
    REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1h));
    site.world.settle();
    REQUIRE(ended);
    return std::move(*ended);
}

} // namespace

TEST_CASE("patterns of events") {
    for (auto [pattern, name, expected] : {std::tuple("*", "primary.before", true),
                                           {"primary.*", "primary.leave-old.after", true},
                                           {"*.before", "primary.before", true},
                                           {"*.before", "primary.after", false},
                                           {"primary.*.before", "primary.before", false},
                                           {"primary", "primary", true},
                                           {"", "primary", false},
                                           {"p*y*r", "primary.after", true},
                                           {"*a*a*a*", "state.role", false}})
        CHECK(matches_event(pattern, name) == expected);
}

TEST_CASE("a verb of one phase has two events; one that fails ends with .failed") {
    Pair site;
    Listener listener;
    CHECK(run(site, listener, {"pause-fetch", "r"}).exit == 0);
    CHECK(listener.names == "pause-fetch.before pause-fetch.after");
    listener.names.clear();
    CHECK(run(site, listener, {"detach", "r", "--timeout=1"}).exit != 0);
    CHECK(listener.names == "detach.before detach.check.before detach.check.after detach.switch-off.before "
                            "detach.switch-off.after detach.await-off.before detach.failed");
    listener.names.clear();
    CHECK(run(site, listener, {"view", "r"}).exit == 0);
    CHECK(listener.names.empty());
}

TEST_CASE("a refused event stops the verb there, and nothing of the phase is written") {
    Pair site;
    Listener listener;
    listener.refused = "detach.switch-off.before";
    auto result = run(site, listener, {"detach", "r"});
    CHECK(result.exit == 1);
    CHECK(has_reason(*result.outcomes.front().failed, "hook.failed"));
    CHECK(site.r("todo-a/attach") == "1");
}

TEST_CASE("a hook that refuses a later phase of primary puts the wish for the application back") {
    Pair site;
    site.set("resource-r/systemd-start-unit", "app.service");
    site.set("resource-r/systemd-stop-unit", "app.service");
    site.set("resource-r/systemd-want", "b");
    for (const char* event : {"primary.fetch-on.before", "primary.stop-old.before", "primary.leave-old.before"}) {
        Listener listener;
        listener.refused = event;
        INFO(event);
        CHECK(run(site, listener, {"primary", "r"}).exit == 1);
        CHECK(site.r("systemd-want") == "b");
        CHECK(site.r("primary") == "b");
    }
}

TEST_CASE("an interrupted verb tells what it has done and what not") {
    Pair site;
    Listener listener;
    auto result = run(site, listener, {"detach", "r"}, 5s);
    CHECK(result.exit == 6);
    auto text = result.outcomes.front().failed->text;
    INFO(text);
    CHECK(text == "detach was interrupted in phase 4 (wait); done: phases 1, 3; written, and not undone: "
                  "resource-r/todo-a/attach");
    result = run(site, listener, {"wait-resource", "r", "is-primary"}, 5s);
    CHECK(result.exit == 6);
    CHECK(result.outcomes.front().failed->text == "wait-resource was interrupted; nothing was written");
}
