// SPDX-License-Identifier: GPL-2.0-or-later
// What a fetch does not do by itself: pick a winner, shorten a copy, or take somebody else's word for the creator's.
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

struct Pair {
    explicit Pair(std::uint64_t seed) : world(seed), alpha(world), beta(world.add_machine("beta", "10.0.0.2")) {}

    void put_local(const format::LogName& name, const Bytes& content) {
        auto write = [](Beta& b, format::LogName n, Bytes c) -> env::task<void> {
            env::OpenMode mode;
            mode.write = mode.create = true;
            auto file = co_await b.process->storage().open(log_path(n), mode);
            REQUIRE(file);
            auto written = co_await (*file)->write(0, c);
            REQUIRE(written);
            auto synced = co_await (*file)->sync_data();
            REQUIRE(synced);
        };
        run_now(world, beta.tasks, write(beta, name, content));
    }
    FetchEnd end() {
        beta.start();
        REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 300s));
        INFO((beta.ended->has_value() ? (*beta.ended)->text : beta.ended->error().text));
        REQUIRE(beta.ended->has_value());
        return **beta.ended;
    }
    failure failed() {
        beta.start();
        REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 300s));
        REQUIRE(!beta.ended->has_value());
        return beta.ended->error();
    }
    bool fetches(const format::LogName& name, std::uint64_t length) {
        beta.start();
        return world.run_until([&] { return beta.has(name, length) || beta.ended; }, 60s) && !beta.ended;
    }

    env::sim::World world;
    Alpha alpha;
    Beta beta;
};

} // namespace

TEST_CASE("fetch: two successors from different hosts are a conflict; everything before is fetched") {
    Pair pair(1);
    auto first = random_bytes(200'000, 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), first));
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(2, "alpha"), random_bytes(10, 2)));
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(2, "gamma"), random_bytes(10, 3)));
    pair.alpha.logs->complete(log_name(1));
    auto end = pair.end();
    CHECK(end.kind == FetchEnd::Kind::conflict);
    REQUIRE(end.logs.size() == 2);
    CHECK(end.logs[0] == log_name(2, "alpha"));
    CHECK(end.logs[1] == log_name(2, "gamma"));
    CHECK(pair.beta.content(log_name(1)) == first);
    CHECK(pair.beta.observer.lengths[log_name(1)] == first.size());
    CHECK(!pair.beta.process->storage().status(log_path(log_name(2))));
}

TEST_CASE("fetch: a log that the peer does not have creates nothing") {
    Pair pair(2);
    auto end = pair.end();
    CHECK(end.kind == FetchEnd::Kind::absent);
    CHECK(!pair.beta.process->storage().status(log_path(log_name(1))));
}

TEST_CASE("fetch: a log that vanishes at the peer ends the stream") {
    Pair pair(3);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    REQUIRE(pair.fetches(log_name(1), 1000));
    pair.alpha.logs->forget(log_name(1));
    REQUIRE(pair.world.run_until([&] { return pair.beta.ended.has_value(); }, 60s));
    REQUIRE(pair.beta.ended->has_value());
    CHECK((*pair.beta.ended)->kind == FetchEnd::Kind::absent);
}

TEST_CASE("fetch: a longer local copy is left alone") {
    Pair pair(4);
    auto all = random_bytes(100'000, 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), all, 60'000));
    pair.put_local(log_name(1), all);
    auto end = pair.end();
    CHECK(end.kind == FetchEnd::Kind::shorter);
    CHECK(end.length == 60'000);
    CHECK(pair.beta.content(log_name(1)) == all);
}

TEST_CASE("fetch: a torn tail is replaced by the creator's bytes") {
    Pair pair(5);
    auto all = random_bytes(20'000'000, 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), all));
    Bytes local(all.begin(), all.begin() + 12'000'000);
    std::fill(local.begin() + 9'000'000, local.begin() + 9'100'000, std::byte{0});
    pair.put_local(log_name(1), local);
    pair.beta.plan.verified = 1000;
    REQUIRE(pair.fetches(log_name(1), all.size()));
    CHECK(pair.beta.content(log_name(1)) == all);
}

TEST_CASE("fetch: a copy that differs more than a crash can explain is left alone") {
    Pair pair(6);
    auto all = random_bytes(20'000'000, 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), all));
    auto local = random_bytes(12'000'000, 2);
    pair.put_local(log_name(1), local);
    auto end = pair.end();
    CHECK(end.kind == FetchEnd::Kind::differs);
    CHECK(pair.beta.content(log_name(1)) == local);
}

TEST_CASE("fetch: only the creator's bytes may replace a torn tail") {
    Pair pair(7);
    auto name = log_name(1, "gamma");
    auto all = random_bytes(200'000, 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(name, all));
    auto local = all;
    local[150'000] ^= std::byte{1};
    pair.put_local(name, local);
    pair.beta.plan.log = name;
    auto end = pair.end();
    CHECK(end.kind == FetchEnd::Kind::differs);
    CHECK(pair.beta.content(name) == local);
}

TEST_CASE("fetch: another history below the replayed position is never continued, and nothing is cut off") {
    for (std::uint64_t verified : {std::uint64_t{160'000}, std::uint64_t{200'000}}) { // a part, or all of the copy
        CAPTURE(verified);
        Pair pair(8);
        auto all = random_bytes(200'000, 1);
        run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), all));
        auto local = all;
        local[150'000] ^= std::byte{1};
        pair.put_local(log_name(1), local);
        pair.beta.plan.verified = verified;
        run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), random_bytes(10, 2)));
        const auto end = pair.end();
        CHECK(end.kind == FetchEnd::Kind::differs);
        CHECK(end.length < verified);
        CHECK(pair.beta.content(log_name(1)) == local);
    }
}

TEST_CASE("fetch: following logs that are partly here already are continued, not overwritten") {
    Pair pair(11);
    auto first = random_bytes(100'000, 1);
    auto second = random_bytes(200'000, 2);
    auto third = random_bytes(50'000, 3);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), first));
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(2), second));
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(3), third));
    pair.alpha.logs->complete(log_name(1));
    pair.alpha.logs->complete(log_name(2));
    pair.put_local(log_name(2), Bytes(second.begin(), second.begin() + 120'000));
    pair.put_local(log_name(3), third);
    REQUIRE(pair.fetches(log_name(3), third.size()));
    CHECK(pair.beta.content(log_name(1)) == first);
    CHECK(pair.beta.content(log_name(2)) == second);
    CHECK(pair.beta.content(log_name(3)) == third);
    CHECK(pair.beta.observer.complete[log_name(2)] == second.size());
}

TEST_CASE("fetch: a deleted log's link gives way to the log, any other link does not") {
    Pair pair(12);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    auto& storage = pair.beta.process->storage();
    REQUIRE(storage.write_symlink(log_path(log_name(1)), log_path(log_name(1)) + ".tmp", "elsewhere", Stamp{5, 0}));
    CHECK(pair.failed().is(std::errc::file_exists));
    REQUIRE(storage.write_symlink(log_path(log_name(1)), log_path(log_name(1)) + ".tmp", ".deleted", Stamp{5, 0}));
    CHECK(pair.fetches(log_name(1), 1000));
}

TEST_CASE("fetch: strangers are refused with a reason") {
    auto refused = [](std::uint64_t seed, auto change) {
        Pair pair(seed);
        change(pair);
        auto end = pair.end();
        CHECK(end.kind == FetchEnd::Kind::refused);
        CHECK(pair.world.run_until([&] { return pair.alpha.server.sessions() == 0; }, 60s));
        return end.text;
    };
    CHECK(refused(20, [](Pair& p) { p.beta.plan.uuid = "other_1.0"; }) == "you belong to another cluster");
    CHECK(refused(21, [](Pair& p) { p.alpha.gate.member_address = "10.0.0.9"; }) == "you are no member");
    CHECK(refused(22, [](Pair& p) { p.beta.plan.resource = "another"; }) == "no such resource here");
}

TEST_CASE("fetch: a peer that is not the expected host gets no request") {
    Pair pair(23);
    pair.beta.plan.peer_host = "gamma";
    CHECK(pair.failed().is(std::errc::permission_denied));
}

TEST_CASE("fetch: disconnecting a resource ends its sessions before it returns") {
    Pair pair(24);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    REQUIRE(pair.fetches(log_name(1), 1000));
    CHECK(pair.alpha.server.sessions() == 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.server.disconnect("another"));
    CHECK(pair.alpha.server.sessions() == 1);
    run_now(pair.world, pair.alpha.tasks, pair.alpha.server.disconnect("mydata"));
    CHECK(pair.alpha.server.sessions() == 0);
    CHECK(pair.alpha.logs.use_count() == 1);
    CHECK(pair.world.run_until([&] { return pair.beta.ended.has_value(); }, 60s));
}
