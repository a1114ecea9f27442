// SPDX-License-Identifier: GPL-2.0-or-later
// Logs arrive byte for byte, go on arriving while they grow and rotate, and never more than is durable at their source.
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

// Clean end of both sides.
void stop_all(env::sim::World& world, Alpha& alpha, Beta& beta) {
    run_now(world, beta.tasks, [](Beta& b) -> env::task<void> {
        b.process->log().debug("stop");
        co_return;
    }(beta));
    bool stopped = false;
    env::TaskGroup owner(*alpha.process);
    auto stopper = [](Alpha& a, Beta& b, bool& flag) -> env::task<void> {
        co_await b.tasks.stop();
        co_await a.server.stop();
        flag = true;
    };
    owner.spawn("stop", stopper(alpha, beta, stopped));
    REQUIRE(world.run_until([&] { return stopped; }, 60s));
    world.settle();
}

} // namespace

TEST_CASE("fetch: a log arrives byte for byte and goes on while it grows") {
    env::sim::World world(1);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    auto first = random_bytes(3'000'000, 7);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), first));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), first.size()); }, 60s));
    CHECK(beta.content(log_name(1)) == first);

    for (unsigned i = 0; i < 20; ++i)
        run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000 + 777 * i, 100 + i)));
    auto& all = alpha.logs->contents[log_name(1)];
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), all.size()); }, 60s));
    CHECK(beta.content(log_name(1)) == all);
    CHECK(beta.fetcher->is_connected());
    stop_all(world, alpha, beta);
}

TEST_CASE("fetch: bytes that are not durable at the source stay there") {
    env::sim::World world(2);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(50'000, 1), 30'000));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 30'000); }, 60s));
    world.run_for(30s);
    CHECK(beta.content(log_name(1)).size() == 30'000);
    stop_all(world, alpha, beta);
}

TEST_CASE("fetch: the stream follows a rotation by itself") {
    env::sim::World world(3);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(100'000, 1)));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 100'000); }, 60s));

    // An empty successor alone does not end a log: its writer may still be at it.
    run_now(world, alpha.tasks, alpha.logs->append(log_name(2), {}));
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(5'000, 2)));
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 105'000); }, 60s));
    CHECK(beta.observer.complete.empty());

    alpha.logs->complete(log_name(1));
    run_now(world, alpha.tasks, alpha.logs->append(log_name(2), random_bytes(70'000, 3)));
    REQUIRE(world.run_until([&] { return beta.has(log_name(2), 70'000); }, 60s));
    CHECK(beta.observer.complete[log_name(1)] == 105'000);
    CHECK(beta.content(log_name(1)) == alpha.logs->contents[log_name(1)]);
    CHECK(beta.content(log_name(2)) == alpha.logs->contents[log_name(2)]);
    stop_all(world, alpha, beta);
}
