// SPDX-License-Identifier: GPL-2.0-or-later
// The exchange between healthy hosts: what arrives, in which order, and at what cost.
#include "exchange_fixture.hpp"

using namespace mars;
using namespace mars::tree;
using namespace mars::tree::testing;

TEST_CASE("two hosts with different trees become equal, with the newer version of each key") {
    Cluster c(1, 2);
    c[0].hand.directory("/mars/resource-x");
    c[0].hand.link("/mars/resource-x/primary", "a", Stamp{1'600'000'001, 0});
    c[0].hand.link("/mars/resource-x/size", "1", Stamp{1'600'000'001, 0});
    c[1].hand.directory("/mars/resource-x");
    c[1].hand.link("/mars/resource-x/primary", "b", Stamp{1'600'000'002, 0});
    c[1].hand.link("/mars/unknown", "kept", Stamp{1'600'000'003, 0});
    c[1].hand.link("/mars/ignore-me", "private", Stamp{1'600'000'003, 0});
    c[1].hand.directory("/mars/cache-b");
    c[1].hand.link("/mars/cache-b/invalid", "1", Stamp{1'600'000'003, 0});
    c.connect();
    CHECK(c[0].tree->raw("resource-x/primary") == Link{"b", Stamp{1'600'000'002, 0}});
    CHECK(c[1].tree->value("resource-x/size") == "1");
    CHECK(c[0].tree->value("unknown") == "kept");
    CHECK_FALSE(c[0].tree->raw("ignore-me"));
    CHECK_FALSE(c[0].hand.exists("/mars/cache-b"));
    CHECK(c[0].hand.read("/mars/resource-x/primary")->mtime == Stamp{1'600'000'002, 0});
}

TEST_CASE("a change arrives within milliseconds, also one made by hand") {
    Cluster c(1, 3);
    c.connect();
    const auto start = c.world.now();
    c[0].set("resource-x/primary", "a");
    REQUIRE(c.wait([&] { return c[2].tree->value("resource-x/primary") == "a"; }));
    CHECK(c.world.now() - start < 100ms);
    c[1].hand.link("/mars/resource-x/primary", "b", c[1].tree->lamport().tick());
    REQUIRE(c.wait([&] { return c[0].tree->value("resource-x/primary") == "b"; }));
    CHECK(c.world.now() - start < 200ms);
    CHECK(c.converges());
}

TEST_CASE("deletions travel, replace logfiles, and create nothing") {
    Cluster c(1, 2);
    for (auto i : {0U, 1U}) {
        c[i].hand.directory("/mars/resource-x");
        c[i].hand.file("/mars/resource-x/log-000000001-a", "bytes");
    }
    c.connect();
    c[0].set("resource-x/k", "v");
    REQUIRE(c.converges());
    REQUIRE(c[0].tree->remove("resource-x/k"));
    REQUIRE(c[0].tree->remove("resource-x/log-000000001-a"));
    REQUIRE(c.converges());
    CHECK(c[1].tree->raw("resource-x/k")->value == ".deleted");
    CHECK_FALSE(c[1].tree->file("resource-x/log-000000001-a"));
    c[1].stop();
    c[0].set("resource-x/short-lived", "v");
    REQUIRE(c[0].tree->remove("resource-x/short-lived"));
    c[1].start();
    REQUIRE(c.wait([&] { return c.is_connected(); }));
    c.world.run_for(1s);
    CHECK_FALSE(c[1].tree->raw("resource-x/short-lived"));
}

TEST_CASE("alive and time arrive after everything that was written before them") {
    // Written on `a` in this order each round: many keys, then alive. Whenever `b` or `c` see alive = n, they must see
    // all keys of round n or later ones. Lossy links make batches of all sizes.
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Cluster c(seed, 3);
        c.connect();
        auto check = [&](ExchangeHost& host, const std::string& path) {
            if (path != "actual-a/alive") return;
            const auto round = host.tree->number("actual-a/alive").value_or(0);
            for (int k = 0; k < 50; ++k)
                REQUIRE(host.tree->number("resource-x/key-" + std::to_string(k)).value_or(0) >= round);
        };
        auto on_b = c[1].tree->subscribe("", [&](const std::string& path) { check(c[1], path); });
        auto on_c = c[2].tree->subscribe("", [&](const std::string& path) { check(c[2], path); });
        for (int round = 1; round <= 30; ++round) {
            if (round == 10) c.cut(c[0], c[2]);
            if (round == 20) c.heal(c[0], c[2]);
            for (int k = 0; k < 50; ++k) {
                c[0].set("resource-x/key-" + std::to_string(k), std::to_string(round));
                if (k % 17 == 0)
                    c.world.run_for(Duration(static_cast<std::int64_t>(c.world.random().below(15'000'000))));
            }
            c[0].set("actual-a/alive", std::to_string(round));
            c.world.run_for(round > 9 && round < 20 ? 4s : 5ms);
        }
        CHECK(c.converges());
    }
}

TEST_CASE("in steady state the traffic depends on the changes, not on the size of the tree") {
    std::map<int, std::uint64_t> cost;
    for (int keys : {10, 1000}) {
        Cluster c(1, 2);
        for (int k = 0; k < keys; ++k)
            c[0].hand.link("/mars/key-" + std::to_string(k), std::string(50, 'v'), Stamp{1'600'000'001, 0});
        c.connect();
        c.world.run_for(1s);
        const auto before = c[0].bytes_to(c[1]);
        for (int i = 0; i < 20; ++i) {
            c[0].set("key-3", std::to_string(i));
            c.world.run_for(1s);
        }
        cost[keys] = c[0].bytes_to(c[1]) - before;
        CHECK(c[1].tree->value("key-3") == "19");
    }
    CHECK(cost[1000] == cost[10]);
    CHECK(cost[1000] < 20 * 400);
}

TEST_CASE("reconnecting equal trees costs digests, not keys") {
    Cluster c(1, 2);
    for (int k = 0; k < 1000; ++k)
        c[0].hand.link("/mars/key-" + std::to_string(k), std::string(50, 'v'), Stamp{1'600'000'001, 0});
    c.connect();
    c[1].stop();
    const auto before = c[0].bytes_to(c[1]);
    c[1].start();
    REQUIRE(c.converges());
    CHECK(c[0].bytes_to(c[1]) - before < 3000);
}

TEST_CASE("a key that changes faster than it can be sent is sent as often as there are batches") {
    Cluster c(1, 2);
    c.connect();
    const auto before = c[0].bytes_to(c[1]);
    for (int i = 0; i < 1000; ++i) {
        c[0].set("userspace/hot", std::to_string(i));
        c.world.run_for(1ms);
    }
    REQUIRE(c.converges());
    CHECK(c[0].bytes_to(c[1]) - before < 60 * 300); // 1 s in batches of 20 ms or more
}

TEST_CASE("every change crosses each link once in a full mesh") {
    Cluster c(1, 4);
    c.connect();
    c.world.run_for(1s);
    std::map<std::pair<int, int>, std::uint64_t> before;
    auto total = [&] {
        std::uint64_t bytes = 0;
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = i + 1; j < 4; ++j) bytes += c[i].bytes_to(c[j]);
        return bytes;
    };
    const auto idle = total();
    c[0].set("userspace/big", std::string(4000, 'x'));
    c.world.run_for(1s);
    const auto cost = total() - idle;
    CHECK(cost > 3 * 4000);
    CHECK(cost < 3 * 4000 + 2000);
}

TEST_CASE("the time of the last merge is noted locally and makes no traffic") {
    Cluster c(1, 2);
    c.connect();
    c[0].set("k", "v");
    c.world.run_for(2s);
    c[0].set("k", "w");
    c.world.run_for(1s);
    const auto link = c[1].tree->raw("actual-a/read-stamp");
    REQUIRE(link);
    CHECK(Stamp::parse(link->value));
    CHECK_FALSE(c[0].tree->raw("actual-a/read-stamp"));
}

TEST_CASE("a role key that arrives touches the trigger file of its resource, an own one does not") {
    Cluster c(1, 2);
    c.connect();
    c[0].set("resource-x/primary", "a");
    REQUIRE(c.wait([&] { return c[1].tree->file("resource-x/systemd-trigger").has_value(); }));
    CHECK_FALSE(c[0].tree->file("resource-x/systemd-trigger"));
    c[0].set("resource-x/size", "1");
    c[0].set("todo-global/systemd-global-trigger", "a");
    REQUIRE(c.wait([&] { return c[1].tree->file("userspace/systemd-trigger").has_value(); }));
}

TEST_CASE("the clock of a host follows what it receives") {
    Cluster c(1, 2);
    c[0].machine.clock_skew = 1h;
    c.connect();
    c[0].set("k", "from-the-future");
    REQUIRE(c.converges());
    c[1].set("k", "and-still-newer");
    REQUIRE(c.converges());
    CHECK(c[0].tree->value("k") == "and-still-newer");
}

TEST_CASE("a host whose clock is a year ahead cannot spoil the others") {
    Cluster c(1, 2);
    c.connect();
    c[0].machine.clock_skew = 365 * 24h;
    c[0].set("k", "far");
    c.world.run_for(10s);
    CHECK_FALSE(c[1].tree->raw("k"));
    CHECK(c[1].tree->lamport().now() < c[1].machine.real_time() + 1min);
    c[1].set("l", "near");
    REQUIRE(c.wait([&] { return c[0].tree->value("l") == "near"; }));
}

TEST_CASE("hosts with equal trees know that they have caught up") {
    Cluster c(1, 2);
    c.connect();
    REQUIRE(c.wait([&] { return c[0].peer("b").has_caught_up && c[1].peer("a").has_caught_up; }, 10s));
}

TEST_CASE("the last changes before an orderly stop are delivered") {
    Cluster c(1, 3);
    c.connect();
    for (int k = 0; k < 500; ++k) c[0].set("userspace/k" + std::to_string(k), std::string(1000, 'x'));
    c[0].set("actual-a/alive", "0");
    c[0].stop();
    for (auto i : {1U, 2U}) {
        CHECK(c[i].tree->value("actual-a/alive") == "0");
        CHECK(c[i].tree->list("userspace").size() == 500);
    }
}

TEST_CASE("big trees are compared and sent in parts") {
    Cluster c(1, 2);
    for (int r = 0; r < 40; ++r) {
        const auto dir = "/mars/resource-r" + std::to_string(r);
        c[0].hand.directory(dir);
        for (int k = 0; k < 20; ++k)
            c[0].hand.link(dir + "/key-" + std::to_string(k), std::string(4000, 'v'), Stamp{1'600'000'001, 0});
    }
    c.connect();
    CHECK(c[1].tree->value("resource-r39/key-19").size() == 4000);
}
