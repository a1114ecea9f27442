// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever fails in the middle of a fetch, the local copy stays a beginning of the log, what was told to be durable is
// there, and the next attempt completes it.
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

bool is_beginning(const Bytes& part, const Bytes& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

bool has_beginning(const Bytes& content, const Bytes& whole, std::uint64_t length) {
    return content.size() >= length &&
           std::equal(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length), content.begin());
}

} // namespace

TEST_CASE("fetch: a cut link ends the session; the next one goes on where the copy ends") {
    env::sim::World world(1);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    auto all = random_bytes(6'000'000, 1);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), all));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1); }, 60s));
    world.network().cut("10.0.0.1", "10.0.0.2");
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 120s));
    CHECK(!beta.ended->has_value());
    CHECK(is_beginning(beta.content(log_name(1)), all));
    auto before = beta.content(log_name(1)).size();
    CHECK(before < all.size());
    world.run_for(60s);
    CHECK(alpha.server.sessions() == 0);

    world.network().heal("10.0.0.1", "10.0.0.2");
    auto carried = world.network().link("10.0.0.1", "10.0.0.2").bytes_carried;
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), all.size()); }, 60s));
    CHECK(beta.content(log_name(1)) == all);
    // Only what was missing travels, and the digests of the tail.
    CHECK(world.network().link("10.0.0.1", "10.0.0.2").bytes_carried - carried < all.size() - before + 20'000);
}

TEST_CASE("fetch: a short cut is survived by the session") {
    env::sim::World world(2);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    auto all = random_bytes(6'000'000, 1);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), all));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1); }, 60s));
    world.network().cut("10.0.0.1", "10.0.0.2");
    world.run_for(10s);
    world.network().heal("10.0.0.1", "10.0.0.2");
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), all.size()); }, 60s));
    CHECK(!beta.ended);
    CHECK(beta.content(log_name(1)) == all);
}

TEST_CASE("fetch: power cuts of the fetching host lose nothing that was told, and leave no torn bytes behind") {
    int torn = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        env::sim::World world(seed);
        Alpha alpha(world);
        auto& machine = world.add_machine("beta", "10.0.0.2");
        env::sim::Fault slow; // writes are often under way
        slow.pattern = "/mars/*";
        slow.slower = 20;
        machine.filesystem().faults().add(slow);
        auto first = random_bytes(1'500'000, seed);
        auto second = random_bytes(900'000, seed + 1000);
        run_now(world, alpha.tasks, alpha.logs->append(log_name(1), first));
        run_now(world, alpha.tasks, alpha.logs->append(log_name(2), second));
        alpha.logs->complete(log_name(1));
        std::map<format::LogName, std::uint64_t> told;
        auto current = log_name(1);
        for (int life = 0; life < 6; ++life) {
            auto beta = std::make_unique<Beta>(machine);
            for (auto& [name, length] : told) {
                auto& whole = alpha.logs->contents[name];
                REQUIRE(has_beginning(beta->content(name), whole, length));
                if (!is_beginning(beta->content(name), whole)) ++torn;
            }
            beta->plan.log = current;
            beta->start();
            world.run_for(std::chrono::milliseconds(world.random().below(250)));
            for (auto& [name, length] : beta->observer.lengths) told[name] = std::max(told[name], length);
            current = beta->fetcher->log();
            machine.power_cut();
        }
        Beta beta(machine);
        beta.start();
        REQUIRE(world.run_until([&] { return beta.has(log_name(2), second.size()); }, 60s));
        CHECK(beta.content(log_name(1)) == first);
        CHECK(beta.content(log_name(2)) == second);
        CHECK(beta.observer.complete[log_name(1)] == first.size());
    }
    CHECK(torn > 3); // else the test has not seen what it is for
}

TEST_CASE("fetch: a power cut of the source is noticed, and its next life is asked again") {
    env::sim::World world(4);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    auto all = random_bytes(4'000'000, 1);
    auto alpha = std::make_unique<Alpha>(world);
    run_now(world, alpha->tasks, alpha->logs->append(log_name(1), all));
    Beta beta(machine);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1); }, 60s));
    auto& alpha_machine = alpha->machine;
    alpha_machine.power_cut();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s)); // silence is noticed in time
    CHECK(!beta.ended->has_value());
    alpha.reset();
    CHECK(is_beginning(beta.content(log_name(1)), all));

    auto process = alpha_machine.start_process("marsd");
    {
        TestGate gate("alpha");
        auto logs = std::make_shared<TestLogs>(*process);
        logs->contents[log_name(1)] = all;
        LogState state;
        state.name = log_name(1);
        state.durable_length = all.size();
        logs->states[log_name(1)] = state;
        FetchServer server(*process, gate, [&](const std::string&) { return logs; });
        KillAtEnd end{*process};
        env::Endpoint at;
        at.port = kLogPort;
        REQUIRE(server.start(at));
        beta.start();
        REQUIRE(world.run_until([&] { return beta.has(log_name(1), all.size()); }, 60s));
        CHECK(beta.content(log_name(1)) == all);
    }
}

TEST_CASE("fetch: an idle session lives on signs of life, for hours") {
    env::sim::World world(5);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    beta.start();
    world.run_for(3h);
    CHECK(!beta.ended);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000, 2)));
    CHECK(world.run_until([&] { return beta.has(log_name(1), 2000); }, 1s));
}

TEST_CASE("fetch: a full filesystem fails clearly, keeps what is durable, and goes on when there is room") {
    env::sim::World world(6);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    machine.filesystem().set_capacity("/mars", 2'000'000);
    auto all = random_bytes(5'000'000, 1);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), all));
    Beta beta(machine);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s));
    REQUIRE(!beta.ended->has_value());
    CHECK(beta.ended->error().is(std::errc::no_space_on_device));
    CHECK(beta.ended->error().text.find("log-000000001-alpha") != std::string::npos);
    CHECK(is_beginning(beta.content(log_name(1)), all));
    CHECK(beta.content(log_name(1)).size() == beta.observer.lengths[log_name(1)]);

    machine.filesystem().set_capacity("/mars", 20'000'000);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), all.size()); }, 60s));
    CHECK(beta.content(log_name(1)) == all);
}

TEST_CASE("fetch: after each possible failure of the local filesystem, the next attempt completes the copy") {
    using env::sim::Operation;
    auto all = random_bytes(300'000, 1);
    for (auto operation : {Operation::open, Operation::create, Operation::write, Operation::sync, Operation::sync_names,
                           Operation::read}) {
        for (int nth = 1; nth <= 3; ++nth) {
            CAPTURE(static_cast<int>(operation), nth);
            env::sim::World world(7);
            Alpha alpha(world);
            auto& machine = world.add_machine("beta", "10.0.0.2");
            run_now(world, alpha.tasks, alpha.logs->append(log_name(1), all));
            Beta beta(machine);
            int count = 0;
            machine.filesystem().fault = [&](Operation o, const std::string&) -> std::optional<int> {
                return o == operation && ++count == nth ? std::optional<int>(5) : std::nullopt;
            };
            for (int attempt = 0; attempt < 5 && !beta.has(log_name(1), all.size()); ++attempt) {
                beta.start();
                REQUIRE(world.run_until([&] { return beta.ended || beta.has(log_name(1), all.size()); }, 60s));
                if (beta.ended) CHECK(!beta.ended->has_value());
                CHECK(is_beginning(beta.content(log_name(1)), all));
            }
            CHECK(beta.content(log_name(1)) == all);
        }
    }
}

TEST_CASE("fetch: a log that cannot be read at the source is reported with the peer's words") {
    env::sim::World world(8);
    Alpha alpha(world);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(100'000, 1)));
    alpha.machine.filesystem().fault = [](env::sim::Operation o, const std::string&) -> std::optional<int> {
        return o == env::sim::Operation::read ? std::optional<int>(5) : std::nullopt;
    };
    Beta beta(machine);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s));
    REQUIRE(!beta.ended->has_value());
    CHECK(beta.ended->error().text.find("alpha cannot go on") != std::string::npos);
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
}
