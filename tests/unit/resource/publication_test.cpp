// SPDX-License-Identifier: GPL-2.0-or-later
// What a host tells of a resource, key by key.
#include "kernel/resource/publication.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <utility>

#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

struct Scene : test::TreeOfOneHost {
    Scene() { publication = std::make_unique<Publication>(*process, *tree, ResourceView(*tree, "r")); }
    ~Scene() { machine.end_all_processes(); }

    std::string value(const std::string& key) const { return tree->value("resource-r/" + key); }
    Stamp stamp(const std::string& key) const { return tree->get("resource-r/" + key)->stamp; }

    std::unique_ptr<Publication> publication;
};

} // namespace

TEST_CASE("facts become keys of this host") {
    Scene s;
    Facts facts;
    facts.disk_size = 4096;
    facts.is_replaying = true;
    facts.damaged_log = format::LogName{3, "beta"};
    facts.open_count = 2;
    facts.device_error = -5;
    facts.sync_rate = Rate{10, 3};
    s.publication->publish_state(facts);
    CHECK(s.value("actsize-alpha") == "4096");
    CHECK(s.value("actual-alpha/is-attached") == "1");
    CHECK(s.value("actual-alpha/is-replaying") == "1");
    CHECK(s.value("actual-alpha/is-syncing") == "0");
    CHECK(s.value("actual-alpha/damaged-log") == "log-000000003-beta");
    CHECK(s.value("actual-alpha/open-count") == "2");
    CHECK(s.value("actual-alpha/if-state") == "-5");
    CHECK(s.value("actual-alpha/amount-sync_rate").empty());
    CHECK(s.value("actual-alpha/replay-stamp").empty());
    facts.newest_applied = Stamp{17, 5};
    facts.burst = tree::WriteBurst{Stamp{16, 0}, {format::LogName{3, "beta"}, 4096}};
    s.publication->publish_rates(facts);
    CHECK(s.value("actual-alpha/replay-stamp") == "17.000000005");
    CHECK(s.value("actual-alpha/write-burst") == "16.000000000,log-000000003-beta,4096");
    CHECK(s.value("actual-alpha/amount-sync_rate") == "10");
    CHECK(s.value("actual-alpha/ops-sync_rate") == "3");
}

TEST_CASE("in the beginning, no device and no opener of an earlier life is left") {
    Scene s;
    REQUIRE(s.tree->set("resource-r/actual-alpha/if-on", "1"));
    s.publication->begin();
    CHECK(s.value("actual-alpha/if-on") == "0");
    CHECK(s.value("actual-alpha/open-count") == "0");
    CHECK(s.tree->list("resource-r/resource-r").empty());
}

TEST_CASE("what is not known leaves a key alone") {
    Scene s;
    Facts facts;
    facts.disk_size = 4096;
    facts.primary_seen = "alpha,1.000000000";
    s.publication->publish_state(facts);
    s.publication->publish_state(Facts());
    CHECK(s.value("actsize-alpha") == "4096");
    CHECK(s.value("actual-alpha/is-attached") == "0");
    CHECK(s.value("actual-alpha/primary-seen") == "alpha,1.000000000");
}

TEST_CASE("the role is stamped anew within 28 s, the openers within 112 s, other facts when they change") {
    Scene s;
    s.publication->publish_state(Facts());
    Stamp role = s.stamp("actual-alpha/is-primary"), openers = s.stamp("actual-alpha/open-count");
    const auto disk = s.stamp("actual-alpha/disk-error");
    int roles = 0, others = 0;
    for (int i = 0; i < 300; ++i) {
        s.world.run_for(1s);
        s.publication->publish_state(Facts());
        if (s.stamp("actual-alpha/is-primary") != std::exchange(role, s.stamp("actual-alpha/is-primary"))) ++roles;
        if (s.stamp("actual-alpha/open-count") != std::exchange(openers, s.stamp("actual-alpha/open-count"))) ++others;
    }
    CHECK(roles >= 300 / 28);
    CHECK(roles <= 300 / 22);
    CHECK(others >= 300 / 112);
    CHECK(others <= 300 / 96);
    CHECK(s.stamp("actual-alpha/disk-error") == disk);
}

TEST_CASE("what is told already costs nothing, and is told again when somebody has removed or replaced it") {
    Scene s;
    Facts facts;
    facts.disk_size = 4096;
    facts.sync_rate = Rate{10, 3};
    const auto tell = [&] {
        s.publication->publish_state(facts);
        s.publication->publish_rates(facts);
    };
    tell();
    s.world.run_for(1s);
    tell();
    const auto looks = s.machine.filesystem().looks;
    for (int i = 0; i < 10; ++i) tell();
    CHECK(s.machine.filesystem().looks == looks);
    auto hand = s.machine.start_process("hand");
    for (const std::string key : {"actsize-alpha", "actual-alpha/disk-error", "actual-alpha/amount-sync_rate"}) {
        CAPTURE(key);
        const auto before = s.value(key);
        REQUIRE(hand->storage().remove("/mars/resource-r/" + key));
        s.world.run_for(1s);
        REQUIRE(s.value(key).empty());
        tell();
        CHECK(s.value(key) == before);
        REQUIRE(hand->storage().write_symlink("/mars/resource-r/" + key, "/mars/resource-r/.tmp.1", "77",
                                              s.machine.real_time()));
        s.world.run_for(1s);
        tell();
        CHECK(s.value(key) == before);
    }
}

TEST_CASE("what a full /mars did not take is told when there is room again") {
    Scene s;
    s.machine.filesystem().fault = [](env::sim::Operation operation, const std::string&) -> std::optional<int> {
        if (operation == env::sim::Operation::symlink) return ENOSPC;
        return std::nullopt;
    };
    Facts facts;
    facts.disk_size = 4096;
    s.publication->publish_state(facts);
    s.machine.filesystem().fault = nullptr;
    s.publication->publish_state(facts);
    CHECK(s.value("actsize-alpha") == "4096");
}
