// SPDX-License-Identifier: GPL-2.0-or-later
// Changes of state become events: each once, with old and new, and none for what was so from the beginning.
#include "lua/state_watch.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/lua/fixture.hpp"

using namespace mars;
using namespace mars::lua;
using namespace mars::lua::testing;

namespace {

struct Listener final : shell::Hooks {
    bool listens(std::string_view) override { return true; }
    env::task<result<void>> fire(shell::Event event) override {
        seen.push_back(event.name + " " + event.resource + " " + event.host + ": " + event.values["old"] + " > " +
                       event.values["new"]);
        co_return result<void>();
    }
    std::vector<std::string> seen;
};

} // namespace

TEST_CASE("changes of primary, switches and signs of life are told once") {
    LuaSite site;
    Listener listener;
    auto process = site.machine.start_process("marsadm");
    shell::Surroundings surroundings{*process, site.local, site.remote, site.output, {}};
    surroundings.verbs = &shell::built_in_verbs();
    auto body = [&]() -> env::task<void> {
        Interpreter interpreter(surroundings, shell::Options());
        StateWatch watch(interpreter, listener);
        (void)co_await watch.run();
    };
    env::TaskGroup group(*process);
    group.spawn("watch", body());
    auto run = [&](Duration span, const shell::testing::Words& alive) {
        for (Duration spent{}; spent < span; spent += 1s) {
            site.beating.clear();
            site.alive(alive);
            site.world.run_for(1s);
        }
    };
    run(30s, {"a", "b"});
    CHECK(listener.seen.empty());
    site.set("resource-r/primary", "(none)", 0s);
    run(10s, {"a", "b"});
    auto told = [&](const std::string& text) { return std::count(listener.seen.begin(), listener.seen.end(), text); };
    CHECK(told("state.primary r : b > (none)") == 1);
    site.set("resource-r/userspace/handover-a", "a,4,17.4711.0123abcd", 0s);
    run(10s, {"a", "b"});
    CHECK(told("state.handover r :  > HandoverUnderWay") == 1);
    site.set("resource-r/userspace/handover-a", "a,4,abandoned", 0s);
    run(10s, {"a", "b"});
    CHECK(told("state.handover r : HandoverUnderWay > HandoverUnfinished") == 1);
    CHECK(told("state.replstate r a: NoPrimaryDesignated > HandoverUnfinished") == 1);
    site.set("resource-r/userspace/handover-a", ".deleted", 0s);
    site.set("resource-r/systemd-start-unit", "db.service", 0s);
    site.set("resource-r/systemd-want", "b", 0s);
    run(10s, {"a", "b"});
    CHECK(told("state.handover r : HandoverUnfinished > ") == 1);
    CHECK(told("state.application r :  > WantedNotRunning") == 1);
    site.set("resource-r/systemd-want", "(none)", 0s);
    run(10s, {"a", "b"});
    CHECK(told("state.application r : WantedNotRunning > ") == 1);
    site.set("resource-r/todo-a/attach", "0", 0s);
    site.set("resource-r/actual-a/is-attached", "0", 0s);
    run(10s, {"a", "b"});
    CHECK(told("state.replstate r a: NoPrimaryDesignated > NotStarted") == 1);
    CHECK(told("state.host  b: heard > silent") == 0);
    run(120s, {"a"});
    CHECK(told("state.host  b: heard > silent") == 1);
    run(10s, {"a", "b"});
    CHECK(told("state.host  b: silent > heard") == 1);
    group.cancel();
    REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1min));
}
