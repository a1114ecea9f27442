// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryBudget: the limit is hard, nobody overtakes, and whoever waits can be sent away.
#include "kernel/block/memory_budget.hpp"

#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using block::MemoryBudget;

namespace {

task<void> take(MemoryBudget& budget, std::uint64_t bytes, const void* owner, std::string& order, char name) {
    const bool granted = co_await budget.take(bytes, owner);
    order += granted ? name : static_cast<char>(name - 'a' + 'A');
}

} // namespace

TEST_CASE("memory is granted in order of arrival, within the limit") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    TaskGroup group(*rig.env);
    std::string order;
    group.spawn("a", take(budget, 60, nullptr, order, 'a'));
    group.spawn("b", take(budget, 60, nullptr, order, 'b'));
    group.spawn("c", take(budget, 10, nullptr, order, 'c'));
    group.spawn("d", take(budget, 50, nullptr, order, 'd'));
    rig.world.settle();
    CHECK(order == "a");
    CHECK_FALSE(budget.try_take(1)); // it would fit, but b waits
    budget.give_back(60);
    rig.world.settle();
    CHECK(order == "abc");
    CHECK(budget.used() == 70);
    budget.set_limit(120);
    rig.world.settle();
    CHECK(order == "abcd");
    budget.give_back(120);
    CHECK(budget.used() == 0);
    CHECK(budget.try_take(1000)); // more than the limit, but alone
    CHECK_FALSE(budget.try_take(1));
}

TEST_CASE("giving up for one owner, or cancelling, lets the others in") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    REQUIRE(budget.try_take(50));
    int mine = 0, yours = 0;
    std::string order;
    TaskGroup group(*rig.env), cancelled(*rig.env);
    group.spawn("a", take(budget, 80, &mine, order, 'a'));
    cancelled.spawn("b", take(budget, 80, &yours, order, 'b'));
    group.spawn("c", take(budget, 30, &yours, order, 'c'));
    rig.world.settle();
    CHECK(order.empty());
    budget.give_up(&mine);
    rig.world.settle();
    CHECK(order == "A");
    cancelled.cancel();
    rig.world.settle();
    CHECK(order.substr(0, 1) == "A");
    CHECK(order.find('c') != std::string::npos);
    CHECK(budget.used() == 80);
}

TEST_CASE("listeners hear when half is used, and when somebody waits") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    Event pressed(rig.env->lot());
    budget.add_listener(pressed);
    int heard = 0;
    auto listen = [&]() -> task<void> {
        for (;;) {
            co_await pressed.wait();
            ++heard;
        }
    };
    TaskGroup group(*rig.env);
    group.spawn("listener", listen());
    REQUIRE(budget.try_take(49));
    rig.world.settle();
    CHECK(heard == 0);
    REQUIRE(budget.try_take(1));
    rig.world.settle();
    CHECK(heard == 1);
    CHECK(budget.is_pressed());
    budget.give_back(50);
    CHECK_FALSE(budget.is_pressed());
    budget.remove_listener(pressed);
    group.cancel();
    rig.world.settle();
}
