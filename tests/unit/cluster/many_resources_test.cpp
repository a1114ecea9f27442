// SPDX-License-Identifier: GPL-2.0-or-later
// Many resources on three hosts: a change of all of them is everywhere at once, and while nothing happens, hardly
// anything is read or said.
#include "tests/sim/many_resources.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace mars::sim;
using namespace std::chrono_literals;

TEST_CASE("a change of every resource is on all hosts within a second, and idle resources cost next to nothing") {
    constexpr std::size_t kResources = 60;
    ManyResources many(kResources);
    const auto wrong = many.set_up();
    INFO(wrong);
    REQUIRE(wrong.empty());
    many.world().run_for(60s); // until sessions rest

    constexpr auto kIdle = 120s;
    const auto bytes = many.bytes_on_the_wire(), looks = many.looks();
    many.world().run_for(kIdle);
    const auto spent = (many.bytes_on_the_wire() - bytes) / 120 / 6; // per second, peer and direction
    CHECK(spent < 200 + 10 * kResources);
    CHECK((many.looks() - looks) / 120 / ManyResources::kHosts < 20 + kResources);

    for (const auto& [host, key, value] :
         {std::tuple(0, "todo-hostb/allow-replay", "0"), std::tuple(1, "todo-hostb/allow-replay", "1"),
          std::tuple(2, "userspace/note", "words")}) {
        CAPTURE(key, value);
        const auto begin = many.world().now();
        many.change_all(static_cast<std::size_t>(host), key, value);
        for (int i = 0; i < 100 && !many.is_everywhere(key, value); ++i) many.world().run_for(10ms);
        CHECK(many.world().now() - begin < 1s);
        many.world().run_for(500ms);
        CHECK(many.differences() == std::vector<std::string>());
    }
}
