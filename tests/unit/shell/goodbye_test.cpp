// SPDX-License-Identifier: GPL-2.0-or-later
// A handover when hosts were stopped in order: who need not answer then, and who has to instead.
// docs/architecture.md "News on demand".
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("an old primary that was stopped in order after it had left its role need not answer") {
    Pair site;
    site.set("resource-r/primary", "(none)", 60s);
    site.set("resource-r/actual-b/is-primary", "0");
    site.set("resource-r/actual-b/if-on", "0");
    site.set("resource-r/actual-b/primary-seen", "(none)," + site.stamp("resource-r/primary").text(), 59s);
    site.on_tick = [&] { site.obey("a"); };
    site.beating.erase("b");
    SECTION("it has told so") {
        site.set("actual-b/stopped", "1", 30s);
        site.set("actual-b/alive", "0", 29s);
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("it was stopped before it left its role") {
        site.set("actual-b/stopped", "1", 90s);
        site.set("actual-b/alive", "0", 29s);
        site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
    }
    SECTION("it has come back since") {
        site.set("actual-b/stopped", "1", 30s);
        site.set("actual-b/alive", "1", 20s);
        site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
    }
}

TEST_CASE("who was primary last, and has been away, asks those that may have been primary meanwhile") {
    Pair site;
    site.set("resource-r/primary", "(none)", 60s);
    site.set("resource-r/userspace/last-primary", "a", 60s);
    site.set("resource-r/actual-a/primary-seen", "(none)," + site.stamp("resource-r/primary").text(), 59s);
    site.set("actual-a/stopped", "1", 50s);
    site.on_tick = [&] { site.obey("a"); };
    SECTION("a member that was heard of is silent now") {
        site.beating.erase("b");
        site.set("actual-b/alive", "1", 40s);
        site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
        const auto text = site.output.text(Severity::error);
        CHECK(text.find("host b has not answered host a") != std::string::npos);
        CHECK(text.find("it may be primary by now: this host was stopped meanwhile") != std::string::npos);
        CHECK(text.find("marsadm --host=b --force leave-resource r") != std::string::npos);
        CHECK(site.r("primary") == "(none)");
    }
    SECTION("it answers") {
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("it was not heard of since") {
        site.beating.erase("b");
        site.set("actual-b/alive", "1", 10min);
        site.succeed({"primary", "r"});
    }
    SECTION("this host was not away") {
        site.beating.erase("b");
        site.set("actual-a/stopped", "1", 70s);
        site.set("actual-b/alive", "1", 40s);
        site.succeed({"primary", "r"});
    }
}

namespace {

// As `secondary` leaves it: b was primary for a month, until an hour ago; nobody is designated with the stamp of that
// month. Host c is a member, too, and is not heard of any more.
struct Trio : Pair {
    static constexpr Duration kMonth = 720h;

    explicit Trio(const std::string& old = "b") {
        set("ips/ip-c", "10.0.0.3", kMonth);
        for (const auto& [key, value] :
             std::map<std::string, std::string>{{"data-c", "/dev/vg/c"},
                                                {"device-c", "r"},
                                                {"syncstatus-c", "1048576"},
                                                {"replay-c", "log-000000003-b,4096,0"},
                                                {"version-000000002-c", std::string(kVersion2)},
                                                {"version-000000003-c", std::string(kVersion3)}})
            set("resource-r/" + key, value);
        set("resource-r/userspace/last-primary", old, kMonth);
        set("resource-r/primary", "(none)", kMonth - 1s);
        set("resource-r/actual-b/is-primary", "0");
        set("resource-r/actual-b/if-on", "0");
        set("actual-c/alive", "1", 20min);
        for (const char* host : {"a", "b", "c"}) sees(host, 1h);
        on_tick = [this] { obey("a"); };
    }
    void sees(const std::string& host, Duration age) {
        set("resource-r/actual-" + host + "/primary-seen", "(none)," + stamp("resource-r/primary").text(), age);
    }
    void stop(const std::string& host, Duration age) {
        beating.erase(host);
        set("actual-" + host + "/stopped", "1", age);
        set("actual-" + host + "/alive", "0", age - 1s);
    }
    // The designation is refused because of c, and says so.
    void refuse_for_c() {
        refuse({"primary", "r", "--timeout=20"}, "wait.phase");
        const auto text = output.text(Severity::error);
        CHECK(text.find("host c has not answered host a (is marsd running there, and is the line up?)") !=
              std::string::npos);
        CHECK(text.find("it may be primary by now") != std::string::npos);
        CHECK(text.find("marsadm --host=c --force leave-resource r") != std::string::npos);
        CHECK(r("primary") == "(none)");
    }
};

} // namespace

TEST_CASE("what all know of an old primary that was stopped decides nothing: the other members must answer, too") {
    Trio site;
    site.stop("b", 30min);
    SECTION("a member behind a broken line, which knows it as well") {
        site.refuse_for_c();
        CHECK(site.output.text(Severity::error).find("host b was stopped meanwhile") != std::string::npos);
        SECTION("it answers again") {
            site.alive({"c"});
            site.succeed({"primary", "r"});
            CHECK(site.r("primary") == "a");
        }
        SECTION("it has gone for good") {
            site.succeed({"--host=c", "--force", "leave-resource", "r"});
            site.succeed({"primary", "r"});
            CHECK(site.r("primary") == "a");
        }
    }
    SECTION("a member that was stopped in order as well") {
        site.stop("c", 20min);
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("a member that has come back since it was stopped in order") {
        site.stop("c", 20min);
        site.set("actual-c/alive", "1", 10min);
        site.refuse_for_c();
    }
    SECTION("the old primary is back: the member may have become primary without it") {
        site.alive({"b"});
        site.refuse_for_c();
    }
}

TEST_CASE("a member that answered first, and falls silent before the designation, prevents that") {
    Trio site;
    site.stop("b", 30min);
    site.alive({"c"});
    const std::string phase = GENERATE("phase 5", "phase 7");
    site.on_tick = [&] {
        site.obey("a");
        if (site.output.text(Severity::info).find(phase) != std::string::npos) site.beating.erase("c");
    };
    site.local.on_lock = site.on_tick; // before the phase asks
    INFO(phase);
    CHECK(site.run({"primary", "r", "--timeout=20"}).exit == 3);
    CHECK(site.output.text(Severity::error).find("host c has not answered host a") != std::string::npos);
    CHECK(site.r("primary") == "(none)");
}

TEST_CASE("an old primary that was not stopped since nobody is designated decides alone") {
    Trio site;
    site.set("actual-b/stopped", "1", 240h); // an update, while it was primary
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
}

TEST_CASE("who was primary for a month measures from when it gave its role up, not from when it took it") {
    Trio site("a");
    site.beating.erase("b");
    site.stop("b", 30min);
    SECTION("it was stopped while it was primary: it was not away") {
        site.set("actual-a/stopped", "1", 240h);
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("it was away") {
        site.set("actual-a/stopped", "1", 40min);
        SECTION("a member was heard of since") {
            site.refuse_for_c();
            CHECK(site.output.text(Severity::error).find("this host was stopped meanwhile") != std::string::npos);
        }
        SECTION("a member was heard of right before, and may have heard of it") {
            site.set("resource-r/actual-c/primary-seen", "b,1.000000000");
            site.set("actual-c/alive", "1", 1h + 20s);
            site.refuse_for_c();
        }
        SECTION("a member has died weeks ago") {
            site.set("resource-r/actual-c/primary-seen", "b,1.000000000", Trio::kMonth);
            site.set("actual-c/alive", "1", 480h);
            site.succeed({"primary", "r"});
            CHECK(site.r("primary") == "a");
        }
        SECTION("a member was stopped in order, weeks ago") {
            site.set("resource-r/actual-c/primary-seen", "b,1.000000000", Trio::kMonth);
            site.stop("c", 480h);
            site.succeed({"primary", "r"});
            CHECK(site.r("primary") == "a");
        }
    }
}

TEST_CASE("who has learnt late that nobody is designated asks those that knew it before") {
    Trio site;
    site.stop("b", 40min);
    site.alive({"b"}); // it has told
    site.sees("a", 1min);
    site.refuse_for_c();
}

TEST_CASE("who does not tell what it has seen has not said goodbye, and was not away") {
    SECTION("the old primary") {
        Trio site;
        site.alive({"c"});
        site.stop("b", 30min);
        REQUIRE(site.hand->storage().remove("/mars/resource-r/actual-b/primary-seen"));
        site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
        CHECK(site.output.text(Severity::error).find("host b has not answered host a") != std::string::npos);
    }
    SECTION("this host") {
        Trio site("a");
        site.set("actual-a/stopped", "1", 40min);
        REQUIRE(site.hand->storage().remove("/mars/resource-r/actual-a/primary-seen"));
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
}
