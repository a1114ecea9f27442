// SPDX-License-Identifier: GPL-2.0-or-later
// News on demand: what an answer proves.
#include "kernel/resource/questions.hpp"

#include <catch2/catch.hpp>

#include "kernel/tree/question.hpp"
#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

// marsd of alpha; beta is another member.
struct Scene : test::TreeOfOneHost {
    Scene() {
        REQUIRE(tree->set("ips/ip-alpha", "10.0.0.1"));
        REQUIRE(tree->set("ips/ip-beta", "10.0.0.2"));
        questions = std::make_unique<Questions>(*process, *tree);
        questions->start([this]() -> env::task<void> {
            ++told;
            co_await process->clock().sleep(100ms);
            state = tree->value("fact");
        });
    }
    ~Scene() { machine.end_all_processes(); }

    // What the exchange does when a question of beta arrives.
    void ask_from_beta(Stamp stamp) { REQUIRE(tree->apply(tree::ask_key("beta"), "1", stamp, "beta")); }
    bool has_answered(Stamp stamp) const { return tree::has_answered(*tree, "alpha", "beta", stamp); }

    std::unique_ptr<Questions> questions;
    int told = 0;
    std::string state;
};

} // namespace

TEST_CASE("a question is answered after everything has been told, and only once") {
    Scene s;
    const auto asked = s.tree->lamport().tick();
    s.ask_from_beta(asked);
    REQUIRE(s.tree->set("fact", "new"));
    s.world.run_for(50ms);
    CHECK(s.told == 1);
    CHECK_FALSE(s.has_answered(asked));
    s.world.run_for(1s);
    CHECK(s.has_answered(asked));
    CHECK(s.state == "new");
    CHECK_FALSE(s.has_answered(asked + 1ns));
    s.world.run_for(200s);
    CHECK(s.told == 1);
}

TEST_CASE("a question that comes while another one is being answered is told for anew") {
    Scene s;
    const auto first = s.tree->lamport().tick();
    s.ask_from_beta(first);
    s.world.run_for(50ms);
    const auto second = s.tree->lamport().tick();
    s.ask_from_beta(second);
    s.world.run_for(80ms);
    CHECK_FALSE(s.has_answered(second));
    s.world.run_for(1s);
    CHECK(s.has_answered(second));
    CHECK(s.told == 2);
}

TEST_CASE("nothing is answered that a power failure could take back") {
    Scene s;
    bool is_broken = true;
    s.machine.filesystem().fault = [&](env::sim::Operation operation, const std::string&) {
        return is_broken && operation == env::sim::Operation::sync_names ? std::optional(EIO) : std::nullopt;
    };
    const auto asked = s.tree->lamport().tick();
    s.ask_from_beta(asked);
    s.world.run_for(5s);
    CHECK(s.told > 0);
    CHECK_FALSE(s.has_answered(asked));
    is_broken = false;
    s.world.run_for(5s);
    CHECK(s.has_answered(asked));
}

TEST_CASE("answers to earlier questions, and own heartbeats, prove nothing") {
    Scene s;
    const auto asked = s.questions->ask();
    REQUIRE(asked);
    REQUIRE(s.tree->set("actual-beta/alive", "1")); // stamped later than the question
    CHECK_FALSE(s.questions->has_answered("beta", *asked));
    REQUIRE(s.tree->set(tree::answer_key("beta", "alpha"), (*asked + -1ns).text()));
    CHECK_FALSE(s.questions->has_answered("beta", *asked));
    REQUIRE(s.tree->set(tree::answer_key("beta", "alpha"), asked->text()));
    CHECK(s.questions->has_answered("beta", *asked));
    CHECK(s.questions->is_asked_here(1s));
}
