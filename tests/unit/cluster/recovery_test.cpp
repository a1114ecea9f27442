// SPDX-License-Identifier: GPL-2.0-or-later
// What a host finds after a crash, or when its disk gives errors.
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

TEST_CASE("a crash during a rotation: the log before the new, empty one has a torn end") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    s.cluster.kill(primary);
    REQUIRE(s.cluster.run_verb(primary, {"log-rotate", sim::kResource}).exit == 0); // marsd has not yet seen it
    auto log = filesystem.find(primary.path("log-000000001-hosta"))->inode;
    const std::vector<std::byte> torn(log->current.begin(), log->current.begin() + 100); // the begin of a record
    REQUIRE(filesystem.write(*log, primary.path("log-000000001-hosta"), log->current.size(), torn));
    s.cluster.boot(primary);
    REQUIRE(s.eventually([&] { return !s.cluster.hosts_with_device().empty(); }));
    REQUIRE(s.rest());
    CHECK(s.key(1, "version-000000001-hosta") == s.key(1, "version-000000001-hostb"));
}

TEST_CASE("an error of a secondary's disk stops replay, and costs no second copy of the log") {
    Situation s;
    auto& secondary = s.host(1);
    auto& filesystem = secondary.machine.filesystem();
    filesystem.fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_disk = operation == env::sim::Operation::write && path == sim::kDisk;
        return is_disk ? std::optional(EIO) : std::nullopt;
    };
    s.cluster.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.key(0, "actual-hostb/replay-code") == "-5"; }));
    s.cluster.world().run_for(5s);
    s.cluster.stop_application(s.host(0));
    s.cluster.world().run_for(5s);
    auto fetched = [&] { return filesystem.contents(secondary.path("log-000000001-hosta"))->size(); };
    const auto all = fetched();
    CHECK_FALSE(s.eventually([&] { return fetched() < all; }, 2min));
    filesystem.fault = nullptr;
    CHECK(s.rest());
}

TEST_CASE("a primary's disk that fails and comes back is written to again by itself, and nothing is lost") {
    Situation s;
    auto& primary = s.host(0);
    primary.machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_disk = operation == env::sim::Operation::write && path == sim::kDisk;
        return is_disk ? std::optional(ENOSPC) : std::nullopt;
    };
    s.cluster.start_application(primary);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "-28"; }));
    s.cluster.stop_application(primary);
    s.cluster.world().run_for(20s);
    primary.machine.filesystem().fault = nullptr;
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "0"; }));
    CHECK(s.rest());
}

TEST_CASE("the primary's newest log is removed: it is written anew, and the others get all of it") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    const auto path = primary.path("log-000000001-hosta");
    s.cluster.start_application(primary);
    const auto before = s.cluster.history().acknowledged();
    REQUIRE(filesystem.change(env::sim::Operation::remove, path, std::nullopt));
    REQUIRE(s.eventually([&] { return s.cluster.history().acknowledged() > before + 100; }));
    CHECK(filesystem.contents(path) != nullptr);
    CHECK(s.rest());
    s.cluster.kill(primary);
    s.cluster.boot(primary);
    REQUIRE(s.eventually([&] { return !s.cluster.hosts_with_device().empty(); }));
    CHECK(s.rest());
}
