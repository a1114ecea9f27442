// SPDX-License-Identifier: GPL-2.0-or-later
// Who gave the command may die at any moment: everybody learns of it, and nothing of it stays for ever.
#include "kernel/resource/handover_watch.hpp"

#include <catch2/catch.hpp>

#include <set>

#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

const char* const kKey = "resource-r/userspace/handover-alpha";
const char* const kLiving = "alpha,5,17.4711.0123abcd";
const char* const kAbandoned = "alpha,5,abandoned";

struct Scene : test::TreeOfOneHost {
    Scene() { set("primary", "(none)"); }
    ~Scene() { machine.end_all_processes(); }

    void set(const std::string& key, const std::string& value) {
        world.run_for(1s);
        REQUIRE(tree->set("resource-r/" + key, value));
    }
    std::string after_look() {
        HandoverWatch watch(*process, *tree, [this](std::string_view id) { return living.contains(std::string(id)); });
        watch.look();
        return tree->value(kKey);
    }

    std::set<std::string> living;
};

} // namespace

TEST_CASE("a handover whose program is gone is abandoned") {
    Scene s;
    s.set("userspace/handover-alpha", kLiving);
    s.living.insert("17.4711.0123abcd");
    CHECK(s.after_look() == kLiving);
    const auto written = s.tree->get(kKey)->stamp;
    s.living.clear();
    CHECK(s.after_look() == kAbandoned);
    CHECK(s.tree->get(kKey)->stamp == written + Duration(1)); // peers take it, and its age is still known
    CHECK(s.after_look() == kAbandoned);
}

TEST_CASE("the notes of other hosts, and what is no note, are left alone") {
    Scene s;
    s.set("userspace/handover-beta", "beta,5,17.4711.0123abcd");
    s.set("userspace/handover-alpha", "alpha,five,17.4711.0123abcd");
    CHECK(s.after_look() == "alpha,five,17.4711.0123abcd");
    CHECK(s.tree->value("resource-r/userspace/handover-beta") == "beta,5,17.4711.0123abcd");
}

TEST_CASE("an abandoned note goes when its handover is decided") {
    Scene s;
    s.set("userspace/handover-alpha", kLiving);
    CHECK(s.after_look() == kAbandoned);
    s.set("primary", "alpha");
    CHECK(s.after_look() == kAbandoned); // no device yet
    s.set("actual-alpha/is-primary", "1");
    CHECK(s.after_look() == "");
}

TEST_CASE("a third host that becomes primary after it decides a handover") {
    Scene s;
    s.set("primary", "gamma");
    s.set("userspace/handover-alpha", kLiving);
    CHECK(s.after_look() == kAbandoned);
    CHECK(s.after_look() == kAbandoned); // it was that before
    s.set("primary", "(none)");
    s.set("primary", "gamma");
    CHECK(s.after_look() == "");
}

TEST_CASE("what was decided while the program's host was down goes at the second look") {
    Scene s;
    s.set("userspace/handover-alpha", kLiving);
    s.set("primary", "gamma");
    CHECK(s.after_look() == kAbandoned);
    CHECK(s.after_look() == "");
}
