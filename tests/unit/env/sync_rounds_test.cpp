// SPDX-License-Identifier: GPL-2.0-or-later
// Many syncs of one filesystem at a time are few.
#include "kernel/env/real/sync_rounds.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"

using namespace mars;
using namespace mars::env;
using namespace std::chrono_literals;

namespace {

struct Rounds {
    Rounds() : rounds(process->lot(), [this](std::string path) { return sync(std::move(path)); }) {}
    ~Rounds() { process->kill(); }

    task<result<void>> sync(std::string path) {
        const auto answer = answers.empty() ? 0 : answers.front();
        if (!answers.empty()) answers.erase(answers.begin());
        begun.push_back(path);
        co_await process->clock().sleep(10ms);
        if (answer != 0) co_return errno_failure(answer, path);
        co_return result<void>();
    }
    void ask(const std::string& path) {
        auto wait = [](Rounds& r, std::string p) -> task<void> {
            const auto since = r.begun.size();
            auto done = co_await r.rounds.run(p);
            r.ended.push_back(p + (done ? " ok" : " failed"));
            CHECK(r.begun.size() > since); // one that began later
        };
        group.spawn("asks", wait(*this, path));
    }

    sim::World world{1};
    std::unique_ptr<sim::Process> process = world.add_machine("alpha", "10.0.0.1").start_process("marsd");
    std::vector<int> answers; // errno of the syncs to come
    std::vector<std::string> begun, ended;
    SyncRounds rounds;
    TaskGroup group{*process};
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("who asks while a sync is under way shares the next one with all others who do") {
    Rounds r;
    r.ask("a");
    r.world.run_for(5ms);
    for (int i = 0; i < 100; ++i) r.ask("b");
    r.world.run_for(1s);
    CHECK(r.ended.size() == 101);
    CHECK(r.begun.size() == 2);
}

TEST_CASE("a sync that fails fails for those who asked for it, and for nobody else") {
    Rounds r;
    r.answers = {0, EIO, 0};
    r.ask("a");
    r.world.run_for(5ms);
    r.ask("b");
    r.ask("c");
    r.world.run_for(10ms);
    r.ask("d");
    r.world.run_for(1s);
    CHECK(r.ended == Texts{"a ok", "b failed", "c failed", "d ok"});
}

TEST_CASE("a path that is not there fails for its caller; the others have another sync") {
    Rounds r;
    r.answers = {0, ENOENT, 0};
    r.ask("a");
    r.world.run_for(5ms);
    r.ask("gone");
    r.ask("c");
    r.world.run_for(1s);
    CHECK(r.ended == Texts{"a ok", "gone failed", "c ok"});
    CHECK(r.begun == Texts{"a", "gone", "c"});
}
