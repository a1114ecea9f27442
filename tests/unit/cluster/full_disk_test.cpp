// SPDX-License-Identifier: GPL-2.0-or-later
// /mars becomes full, and has room again.
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

namespace {

bool is_about_version(env::sim::Operation, const std::string& path) {
    return path.find("/.tmp-version-") != std::string::npos || path.find("/version-") != std::string::npos;
}

// Long links need a block of their own: on a full ext4 they fail while short ones are still possible.
void let_version_links_fail(sim::Node& node) {
    node.machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        return is_about_version(operation, path) ? std::optional(ENOSPC) : std::nullopt;
    };
}

} // namespace

TEST_CASE("a primary that cannot publish its last position does not leave its role") {
    Situation s;
    let_version_links_fail(s.host(0));
    s.start_application(s.host(0)); // acknowledged writes that no version link tells of
    s.cluster.world().run_for(5s);
    s.stop_application(s.host(0));
    auto ended = s.run_verb(s.host(0), {"secondary", kResource, "--timeout=20"});
    CHECK(ended.exit != 0);
    CHECK(s.key(0, "actual-hosta/is-primary") == "1");
    s.host(0).machine.filesystem().fault = nullptr;
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/is-primary") == "0"; }));
    CHECK(s.key(0, "version-000000001-hosta").find("log-000000001-hosta,0:") == std::string::npos);
    REQUIRE(s.run_verb(s.host(1), {"primary", kResource}).exit == 0);
    CHECK(s.history().check_durable(*s.host(1).machine.filesystem().contents(kDisk)) == "");
}

TEST_CASE(
    "a primary that is stopped before it could tell its last position counts as crashed, not as a former primary") {
    Situation s;
    auto& primary = s.host(0);
    let_version_links_fail(primary);
    s.start_application(primary);
    s.cluster.world().run_for(5s);
    REQUIRE(s.stop_application(primary));
    s.cluster.begin_stop(primary);
    REQUIRE(s.eventually([&] { return !primary.is_up(); })); // systemd's patience has an end
    CHECK(s.key(1, "actual-hosta/is-primary") == "1");       // or nobody would wait for what it has not told
    primary.machine.filesystem().fault = nullptr;
    s.run_verb(s.host(1), {"primary", kResource, "--timeout=20"});
    CHECK(s.hosts_with_device().empty());
    s.cluster.boot(primary);
    REQUIRE(s.rest());
    CHECK(s.history().check_durable(*s.host(1).machine.filesystem().contents(kDisk)) == "");
}

TEST_CASE("the final position of a log that was rotated out is published, also after a time without room") {
    Situation s;
    s.start_application(s.host(0));
    let_version_links_fail(s.host(0));
    s.run_verb(s.host(0), {"log-rotate", kResource});
    s.cluster.world().run_for(10s);
    s.host(0).machine.filesystem().fault = nullptr;
    s.cluster.world().run_for(5s);
    REQUIRE(s.rest());
    CHECK(s.key(1, "replay-hostb").starts_with("log-000000002-hosta"));
    CHECK(s.key(0, "version-000000001-hosta") == s.key(1, "version-000000001-hostb"));
}

TEST_CASE("a primary whose log had no room goes on by itself, once the device is closed and there is room") {
    Situation s;
    s.start_application(s.host(0));
    auto& filesystem = s.host(0).machine.filesystem();
    filesystem.fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_log = operation == env::sim::Operation::write && path.find("/log-") != std::string::npos;
        return is_log ? std::optional(ENOSPC) : std::nullopt;
    };
    s.cluster.world().run_for(5s);
    s.stop_application(s.host(0));
    filesystem.fault = nullptr;
    const auto acknowledged = s.history().acknowledged();
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > acknowledged + 20; }));
    REQUIRE(s.rest());
    for (std::size_t i = 0; i < s.cluster.size(); ++i)
        CHECK(s.history().check_durable(*s.host(i).machine.filesystem().contents(kDisk)) == "");
}

TEST_CASE("logs are rotated twice while nothing can be written back: nothing spins, and all goes on afterwards") {
    Situation s;
    auto& filesystem = s.host(0).machine.filesystem();
    filesystem.fault = [](env::sim::Operation operation, const std::string& path) {
        return operation == env::sim::Operation::write && path == kDisk ? std::optional(EIO) : std::nullopt;
    };
    const auto writes_more = [&] {
        const auto before = s.history().acknowledged();
        return s.eventually([&] { return s.history().acknowledged() > before + 3; }, 5s);
    };
    s.start_application(s.host(0));
    for (int i = 0; i < 2; ++i) {
        REQUIRE(writes_more());
        CHECK(s.run_verb(s.host(0), {"log-rotate", kResource}, 10s).exit == 0);
    }
    s.cluster.world().run_for(5s); // marsd answers meanwhile
    CHECK(s.run_verb(s.host(1), {"wait-cluster", "--strict-wait"}, 10s).exit == 0);
    filesystem.fault = nullptr;
    REQUIRE(writes_more());
    REQUIRE(s.rest());
    CHECK_THAT(s.key(1, "replay-hostb"), Catch::StartsWith("log-000000003-hosta"));
    for (std::size_t i = 0; i < s.cluster.size(); ++i)
        CHECK(s.history().check_durable(*s.host(i).machine.filesystem().contents(kDisk)) == "");
}
