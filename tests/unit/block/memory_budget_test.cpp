// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryBudget: the limit is hard, nobody overtakes in his account, everybody has his share, and whoever waits can be
// sent away.
#include "kernel/block/memory_budget.hpp"

#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using block::MemoryBudget;

namespace {

task<void> take(MemoryBudget::Account& account, std::uint64_t bytes, std::string& order, char name) {
    const bool granted = co_await account.take(bytes);
    order += granted ? name : static_cast<char>(name - 'a' + 'A');
}

} // namespace

TEST_CASE("memory is granted in order of arrival, within the limit") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    MemoryBudget::Account account(budget);
    TaskGroup group(*rig.env);
    std::string order;
    group.spawn("a", take(account, 60, order, 'a'));
    group.spawn("b", take(account, 60, order, 'b'));
    group.spawn("c", take(account, 10, order, 'c'));
    group.spawn("d", take(account, 50, order, 'd'));
    rig.world.settle();
    CHECK(order == "a");
    CHECK_FALSE(account.try_take(1)); // it would fit, but b waits
    account.give_back(60);
    rig.world.settle();
    CHECK(order == "abc");
    CHECK(budget.used() == 70);
    budget.set_limit(120);
    rig.world.settle();
    CHECK(order == "abcd");
    account.give_back(120);
    CHECK(budget.used() == 0);
    CHECK(account.try_take(1000)); // more than the limit, but alone
    CHECK_FALSE(account.try_take(1));
}

TEST_CASE("whoever keeps what he has for ever keeps nobody from his share") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 800);
    MemoryBudget::Account hung(budget), second(budget);
    std::string order;
    TaskGroup group(*rig.env);
    while (hung.try_take(10)) {
    }
    CHECK(hung.used() == 600); // its share of 200, and the common 400
    group.spawn("h", take(hung, 10, order, 'h'));
    CHECK(second.try_take(200));
    CHECK_FALSE(second.try_take(1));
    group.spawn("s", take(second, 50, order, 's'));
    rig.world.settle();
    CHECK(order.empty());
    second.give_back(100);
    rig.world.settle();
    CHECK(order == "s");
    {
        MemoryBudget::Account third(budget); // the shares become smaller, and what is out stays out
        CHECK(budget.share() == 133);
        CHECK(third.try_take(130));
        CHECK_FALSE(third.try_take(10));
    }
    CHECK(budget.used() == 750); // gone with its account
    hung.give_back(500);
    rig.world.settle();
    CHECK(order == "sh");
}

TEST_CASE("what is left of an account comes back, and lets others in") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    auto lost = std::make_unique<MemoryBudget::Account>(budget);
    MemoryBudget::Account account(budget);
    std::string order;
    TaskGroup group(*rig.env);
    REQUIRE(lost->try_take(75));
    group.spawn("a", take(account, 90, order, 'a'));
    rig.world.settle();
    CHECK(order.empty());
    lost.reset();
    rig.world.settle();
    CHECK(order == "a");
    CHECK(budget.used() == 90);
}

TEST_CASE("giving up for one account, or cancelling, lets the others in") {
    Rig rig(1);
    MemoryBudget budget(rig.env->lot(), 100);
    MemoryBudget::Account mine(budget), yours(budget);
    REQUIRE(mine.try_take(25));
    REQUIRE(yours.try_take(25));
    std::string order;
    TaskGroup group(*rig.env), cancelled(*rig.env);
    group.spawn("a", take(mine, 80, order, 'a'));
    cancelled.spawn("b", take(yours, 80, order, 'b'));
    group.spawn("c", take(yours, 30, order, 'c'));
    rig.world.settle();
    CHECK(order.empty());
    mine.give_up();
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
    MemoryBudget::Account account(budget);
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
    REQUIRE(account.try_take(49));
    rig.world.settle();
    CHECK(heard == 0);
    REQUIRE(account.try_take(1));
    rig.world.settle();
    CHECK(heard == 1);
    CHECK(budget.is_pressed());
    account.give_back(50);
    CHECK_FALSE(budget.is_pressed());
    budget.remove_listener(pressed);
    group.cancel();
    rig.world.settle();
}
