// SPDX-License-Identifier: GPL-2.0-or-later
// What a host may tell its peers about its logs: above all, when one is complete.
#include "kernel/resource/log_store.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "kernel/env/sim/machine.hpp"

using namespace mars;
using namespace mars::resource;

namespace {

const LogName kLog4{4, "alpha"}, kLog5{5, "alpha"};

// The store of secondary beta; `finals` is what the cluster knows.
struct Scene {
    env::sim::World world{1};
    std::unique_ptr<env::sim::Process> process = world.add_machine("beta", "10.0.0.2").start_process("marsd");
    std::map<LogName, std::int64_t> finals;
    LogStore store{*process, "/mars/resource-r", "beta", [this](const LogName& log) {
                       auto known = finals.find(log);
                       return known == finals.end() ? std::nullopt : std::optional(known->second);
                   }};

    bool is_complete(const LogName& name) const {
        for (const auto& log : store.logs())
            if (log.name == name) return log.complete;
        FAIL(name.text() + " is not there");
        return false;
    }
};

} // namespace

TEST_CASE("a log of another host is complete when its source says so, until it begins again") {
    Scene s;
    s.store.log_grew(kLog4, 1000);
    CHECK_FALSE(s.is_complete(kLog4));
    s.store.log_complete(kLog4, 1200);
    CHECK(s.is_complete(kLog4));
    s.store.log_grew(kLog4, 0);
    CHECK_FALSE(s.is_complete(kLog4));
}

TEST_CASE("a successor does not make a log complete: invalidate begins with a later one") {
    Scene s;
    s.store.log_grew(kLog4, 1000);
    s.store.log_grew(kLog5, 0);
    CHECK_FALSE(s.is_complete(kLog4));
}

TEST_CASE("a log found after a restart is complete when the cluster knows its length") {
    Scene s;
    s.store.log_grew(kLog4, 1000);
    s.finals[kLog4] = 1200;
    CHECK_FALSE(s.is_complete(kLog4));
    s.store.log_grew(kLog4, 1200);
    CHECK(s.is_complete(kLog4));
}

TEST_CASE("own logs are complete when nobody writes to them") {
    Scene s;
    const LogName own{6, "beta"};
    s.store.log_grew(own, 500);
    CHECK(s.is_complete(own));
    s.store.set_growing({own});
    CHECK_FALSE(s.is_complete(own));
}

TEST_CASE("logs are listed in the beginning, and again when somebody expects changes") {
    Scene s;
    CHECK(s.store.take_changes());
    CHECK_FALSE(s.store.take_changes());
    s.store.expect_changes();
    CHECK(s.store.take_changes());
}
