// SPDX-License-Identifier: GPL-2.0-or-later
// Who must have seen that this host is to be primary, before it becomes that.
#include "kernel/resource/role_agreement.hpp"

#include <catch2/catch.hpp>

#include <set>

#include "tests/unit/resource/no_exports.hpp"
#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

// alpha, with the members beta (primary before) and gamma.
struct Scene : test::TreeOfOneHost {
    Scene() {
        host = std::make_unique<Host>(*process, *tree, exports, Tunables());
        host->is_reachable = [this](const std::string& name) { return reachable.contains(name); };
        for (const char* name : {"alpha", "beta", "gamma"}) set("data-" + std::string(name), "/dev/x");
        set("userspace/prev-primary", "beta");
        agreement = std::make_unique<RoleAgreement>(*host, ResourceView(*tree, "r"));
    }
    ~Scene() { machine.end_all_processes(); }

    void set(const std::string& key, const std::string& value) { REQUIRE(tree->set("resource-r/" + key, value)); }
    void designate(const std::string& name) {
        set("primary", name);
        auto renew = [](RoleNote& note) -> env::task<void> {
            const auto renewed = co_await note.renew([] { return true; });
            CHECK(renewed);
        };
        run(renew(agreement->note()));
    }
    void lets_see(const std::string& name) { set("actual-" + name + "/primary-seen", agreement->note().seen()); }
    std::string unaware() { return agreement->unaware_members(false); }

    test::NoExports exports;
    std::set<std::string> reachable{"beta", "gamma"};
    std::unique_ptr<Host> host;
    std::unique_ptr<RoleAgreement> agreement;
};

} // namespace

TEST_CASE("who is not to be primary waits for nobody") {
    Scene s;
    s.designate("beta");
    CHECK(s.unaware().empty());
    CHECK_FALSE(s.agreement->is_waiting());
}

TEST_CASE("who is at work already waits for nobody") {
    Scene s;
    s.designate("alpha");
    s.set("actual-beta/primary-seen", "beta,1.000000000");
    CHECK(s.agreement->unaware_members(true).empty());
}

TEST_CASE("a designation that is not durable here counts for nothing") {
    Scene s;
    s.set("primary", "alpha");
    CHECK(s.unaware() == "alpha");
}

TEST_CASE("members that have seen another designation are waited for, and then asked for news") {
    Scene s;
    s.designate("alpha");
    s.set("actual-beta/primary-seen", "beta,1.000000000");
    s.set("actual-gamma/primary-seen", "beta,1.000000000");
    CHECK(s.unaware() == "beta, gamma");
    s.lets_see("beta");
    CHECK(s.unaware() == "gamma");
    CHECK_FALSE(s.agreement->is_waiting());
    s.lets_see("gamma");
    CHECK(s.unaware() == "beta, gamma"); // they have not answered
    CHECK(s.agreement->is_waiting());
}

TEST_CASE("who is primary itself is waited for, whatever it has seen") {
    Scene s;
    s.designate("alpha");
    s.lets_see("beta");
    s.lets_see("gamma");
    s.set("actual-gamma/is-primary", "1");
    CHECK(s.unaware() == "gamma");
}

TEST_CASE("of those that cannot be reached, only the primary before decides") {
    Scene s;
    s.reachable.clear();
    s.designate("alpha");
    s.set("actual-beta/primary-seen", "beta,1.000000000");
    s.set("actual-gamma/primary-seen", "beta,1.000000000");
    CHECK(s.unaware() == "beta");
}

TEST_CASE("a forced switch waits for nobody who may be dead, nor for an application at the old primary") {
    Scene s;
    const auto designated_by_force = [&] {
        const auto primary = s.tree->get("resource-r/primary");
        REQUIRE(primary);
        const auto mark = std::string("resource-r/local-alpha/") + tree::kForcedMark;
        REQUIRE(s.tree->apply(mark, "beta", primary->stamp, ""));
    };
    s.set("actual-beta/primary-seen", "beta,1.000000000");
    s.set("actual-gamma/primary-seen", "beta,1.000000000");
    s.designate("alpha");
    designated_by_force();
    CHECK(s.unaware() == "beta, gamma"); // they answer at once
    s.set("actual-beta/open-count", "1");
    CHECK(s.unaware() == "gamma");
    s.reachable.clear();
    CHECK(s.unaware().empty());
    s.designate("beta");
    s.designate("alpha"); // not by force
    CHECK(s.unaware() == "beta");
}
