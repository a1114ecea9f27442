// SPDX-License-Identifier: GPL-2.0-or-later
// Logs that are damaged at rest, or cannot be read: others have what is missing, and nobody waits for such a host.
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

namespace {

const char* const kLog = "log-000000001-hosta";

// The disk takes no writes, so that replay will need all of the log that is written now.
void write_without_writeback(Situation& s) {
    s.host(0).machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_disk = operation == env::sim::Operation::write && path == kDisk;
        return is_disk ? std::optional(EIO) : std::nullopt;
    };
    const auto before = s.history().acknowledged();
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 10; }));
    REQUIRE(s.stop_application(s.host(0)));
}

std::int64_t replayed(Situation& s) {
    return format::ReplayLink::parse(s.key(0, "replay-hosta"))->pos;
}

void flip(sim::Node& node, std::size_t at) {
    auto names = node.machine.filesystem().picture();
    names[path_of(kLog)].inode->current.at(at) ^= std::byte{0x20};
    node.machine.filesystem().restore(names);
}

std::size_t size_of(sim::Node& node) {
    const auto* content = node.machine.filesystem().contents(path_of(kLog));
    return content ? content->size() : 0;
}

} // namespace

TEST_CASE("a mended log whose length cannot be told is not looked at again and again") {
    Situation s;
    write_without_writeback(s);
    s.cluster.world().run_for(5s);
    auto& primary = s.host(0);
    s.cluster.kill(primary);
    const auto begin = static_cast<std::size_t>(replayed(s));
    flip(primary, begin + (size_of(primary) - begin) / 2);
    auto& filesystem = primary.machine.filesystem();
    filesystem.fault = [](env::sim::Operation, const std::string& path) {
        return path.find("/.tmp-version-") != path.npos ? std::optional(ENOSPC) : std::nullopt;
    };
    s.cluster.boot(primary);
    s.cluster.world().run_for(10s);
    const auto before = filesystem.opens;
    s.cluster.world().run_for(10s);
    CHECK(filesystem.opens - before < 200);
    filesystem.fault = nullptr;
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    CHECK(s.rest());
}

TEST_CASE("a damaged log of the primary is mended from a member, and keeps what only the primary has") {
    Situation s;
    write_without_writeback(s);
    const auto published = GENERATE(true, false);
    if (published) s.cluster.world().run_for(5s);
    const auto fetched = size_of(s.host(1));
    s.cluster.world().network().cut("10.0.0.1", "10.0.0.2"); // what is written now, only the primary has
    const auto before = s.history().acknowledged();
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 3; }));
    const auto begin = static_cast<std::size_t>(replayed(s));
    s.cluster.kill(s.host(0));
    REQUIRE(begin < fetched);
    REQUIRE(size_of(s.host(0)) > fetched);
    flip(s.host(0), begin + (fetched - begin) / 2);
    s.host(0).machine.filesystem().fault = nullptr;
    s.cluster.world().network().heal_all();
    s.cluster.boot(s.host(0));
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    REQUIRE(s.rest());
    for (std::size_t i = 0; i < s.cluster.size(); ++i)
        CHECK(s.history().check_durable(*s.host(i).machine.filesystem().contents(kDisk)) == "");
}

TEST_CASE("a damaged log that nobody can mend keeps the device away, and says why") {
    Situation s;
    write_without_writeback(s);
    s.cluster.world().run_for(5s); // it is published
    const auto begin = static_cast<std::size_t>(replayed(s));
    const auto size = size_of(s.host(0));
    s.cluster.kill(s.host(0));
    s.host(0).machine.filesystem().fault = nullptr;
    flip(s.host(0), begin + 100);
    s.cluster.kill(s.host(1));
    s.cluster.boot(s.host(0));
    const auto says = [&](const std::string& what) {
        return s.key(0, "actual-hosta/msg-err-replay-stop").find(what) != std::string::npos;
    };
    CHECK(s.eventually([&] { return says("nobody can replace it: hostb: "); }));
    s.cluster.world().run_for(2min);
    CHECK(s.hosts_with_device().empty());
    CHECK(size_of(s.host(0)) == size); // nothing is cut off
    s.cluster.boot(s.host(1));
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    CHECK(s.rest());
}

TEST_CASE("a log that cannot be read for a while is no damage") {
    Situation s;
    write_without_writeback(s);
    s.cluster.kill(s.host(0));
    s.host(0).machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_log = operation == env::sim::Operation::read && path.ends_with(kLog);
        return is_log ? std::optional(EIO) : std::nullopt;
    };
    const auto size = size_of(s.host(0));
    s.cluster.boot(s.host(0));
    s.cluster.world().run_for(1min);
    CHECK(s.hosts_with_device().empty());
    CHECK(size_of(s.host(0)) == size);
    s.host(0).machine.filesystem().fault = nullptr;
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    CHECK(s.rest());
}

TEST_CASE("a third host that cannot open its logs keeps nobody from becoming primary") {
    Situation s(3);
    s.cluster.kill(s.host(2));
    s.host(2).machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_log = operation == env::sim::Operation::open && path.ends_with(kLog);
        return is_log ? std::optional(EIO) : std::nullopt;
    };
    s.cluster.boot(s.host(2));
    s.cluster.world().run_for(20s);
    CHECK(s.run_verb(s.host(1), {"primary", kResource, "--timeout=30"}).exit == 0);
    CHECK(s.host(1).exports->exists(kResource));
}

TEST_CASE("a host that is back from a crash does not tell that it has the device, while its logs cannot be opened") {
    Situation s;
    REQUIRE(s.eventually([&] { return s.key(0, "actual-hosta/if-on") == "1"; }));
    s.cluster.kill(s.host(0));
    REQUIRE(s.key(0, "actual-hosta/if-on") == "1");
    s.host(0).machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_log = operation == env::sim::Operation::open && path.ends_with(kLog);
        return is_log ? std::optional(EIO) : std::nullopt;
    };
    s.cluster.boot(s.host(0));
    CHECK(s.eventually([&] { return s.key(0, "actual-hosta/if-on") == "0"; }));
    CHECK(s.key(0, "actual-hosta/open-count") == "0");
    s.host(0).machine.filesystem().fault = nullptr;
    CHECK(s.rest());
}

TEST_CASE("a log that could neither be written nor cut is gone on with when its storage works again") {
    Situation s;
    auto& faults = s.host(0).machine.filesystem().faults();
    env::sim::Fault fault;
    fault.operations = {env::sim::Operation::write};
    fault.pattern = "/mars/resource-data/log-*";
    fault.error = EIO;
    fault.is_in_parts = true; // some bytes get there
    faults.add(fault);
    s.start_application(s.host(0));
    s.cluster.world().run_for(20s); // also the log after the first one
    CHECK(s.hosts_with_device().empty());
    faults.clear();
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    const auto before = s.history().acknowledged();
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 10; }));
    REQUIRE(s.rest());
    for (std::size_t i = 0; i < s.cluster.size(); ++i)
        CHECK(s.history().check_durable(*s.host(i).machine.filesystem().contents(kDisk)) == "");
}
