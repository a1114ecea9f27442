// SPDX-License-Identifier: GPL-2.0-or-later
// Planned handover and its relatives: the exact order of keys and stamps, what is waited for, and every refusal.
// Spec: verbs 4.17 … 4.19; symlink-tree 6.1.
#include "fixture.hpp"
#include "kernel/format/version_link.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("a handover designates nobody with a weak stamp, then the new primary") {
    Pair site;
    const auto old_stamp = site.stamp("resource-r/primary");
    std::vector<std::string> seen;
    Stamp none_stamp;
    site.on_tick = [&] {
        site.obey("a");
        site.obey("b");
        auto now = site.r("primary");
        if (seen.empty() || seen.back() != now) seen.push_back(now);
        if (now == "(none)") none_stamp = site.stamp("resource-r/primary");
    };
    site.succeed({"primary", "r"});
    if (seen.back() != "a") seen.push_back(site.r("primary"));
    CHECK(seen == Words{"b", "(none)", "a"});
    CHECK(none_stamp == Stamp{old_stamp.sec + 1, 0});
    CHECK(site.stamp("resource-r/primary") > none_stamp + 5min);
    CHECK(site.r("userspace/last-primary") == "a");
    CHECK(site.r("userspace/prev-primary") == "b");
    CHECK(site.stamp("resource-r/userspace/last-primary") == site.stamp("resource-r/primary"));
    CHECK(site.r("actual-a/if-on") == "1");
    CHECK(site.r("actual-b/is-primary") == "0");
    auto text = site.output.text(Severity::info);
    CHECK(text.find("designated primary: b -> (none)") != std::string::npos);
    CHECK(text.find("designated primary: b -> a") != std::string::npos);
    CHECK(text.find("/dev/mars/r is there") != std::string::npos);
}

TEST_CASE("the handover waits until the last data has arrived") {
    Pair site;
    site.set("resource-r/replay-a", "log-000000003-b,2048,2048");
    bool called_off_early = false;
    int ticks = 0;
    site.on_tick = [&] {
        site.obey("a");
        site.obey("b");
        if (++ticks < 100) called_off_early = called_off_early || site.r("primary") != "b";
        if (ticks == 100) site.set("resource-r/replay-a", "log-000000003-b,4096,0", 0s);
    };
    site.succeed({"primary", "r"});
    CHECK(ticks > 100);
    CHECK_FALSE(called_off_early);
}

TEST_CASE("a handover whose data does not arrive times out and leaves the old primary alone") {
    Pair site;
    site.both_obey();
    site.set("resource-r/replay-a", "log-000000003-b,2048,2048");
    auto result = site.refuse({"primary", "r", "--timeout=10"}, "wait.phase");
    CHECK(result.exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.output.text(Severity::error).find("the old primary keeps its role") != std::string::npos);
}

TEST_CASE("an old primary that is not at work and behind holds nobody back") {
    Pair site;
    site.both_obey();
    site.set("resource-r/actual-b/is-primary", "0");
    site.set("resource-r/actual-b/if-on", "0");
    site.set("resource-r/actual-b/disk-error", "-116"); // b cannot take its role
    site.on_tick = [&] { site.obey("a"); };
    site.set("resource-r/replay-b", "log-000000003-b,1024,0");
    site.set("resource-r/version-000000003-b",
             format::make_version({3, "b"}, 1024, std::string(Pair::kVersion2)).text());
    SECTION("its position is a point of the past here") {
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
        CHECK(site.output.text(Severity::warning).find("not waiting for it") != std::string::npos);
    }
    SECTION("it has gone on differently") {
        const auto other = format::make_version({2, "b"}, 4096, std::string()).text();
        site.set("resource-r/version-000000002-b", other);
        site.set("resource-r/version-000000003-b", format::make_version({3, "b"}, 1024, other).text());
        site.refuse({"primary", "r", "--timeout=10"}, "replay.error");
        CHECK(site.r("primary") == "b");
    }
    SECTION("it has gone on in a log that is not here") {
        site.set("resource-r/version-000000004-b",
                 format::make_version({4, "b"}, 512, site.r("version-000000003-b")).text());
        site.refuse({"primary", "r", "--timeout=10"}, "replay.error");
        CHECK(site.r("primary") == "b");
    }
}

TEST_CASE("a replay that stops during a handover leaves the old primary alone") {
    Pair site;
    site.set("resource-r/replay-a", "log-000000003-b,2048,2048");
    int ticks = 0;
    site.on_tick = [&] {
        site.obey("a");
        site.obey("b");
        if (++ticks != 50) return;
        site.set("resource-r/actual-a/replay-code", "-74,-10101", 0s);
        site.set("resource-r/actual-a/msg-err-replay-stop", "1.000000000 1.000000000 log stops at byte 2048", 0s);
    };
    CHECK(site.run({"primary", "r"}).exit != 0);
    CHECK(site.output.text(Severity::error).find("[replay.error]") != std::string::npos);
    CHECK(ticks >= 50);
    CHECK(site.r("primary") == "b");
}

TEST_CASE("a version link of the old primary that knows less than is applied is not copied") {
    Pair site;
    site.both_obey();
    const std::string stale = "00000000000000000000000000000000,log-000000003-b,1024:";
    site.set("resource-r/version-000000003-b", stale); // its /mars was full, the short replay link still fitted
    auto result = site.refuse({"primary", "r", "--timeout=120"}, "wait.phase");
    CHECK(result.exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("version-000000003-a") == std::string(Pair::kVersion3));
}

TEST_CASE("waiting for a device tells what marsd complains about") {
    Pair site;
    site.set("resource-r/primary", "a", 5min);
    site.set("resource-r/actual-a/if-on", "0");
    site.set("resource-r/actual-a/msg-err-replay-stop",
             "1.000000000 1.000000000 /dev/mars/r cannot be made: remove it");
    CHECK(site.run({"primary", "r", "--timeout=5"}).exit == 3);
    CHECK(site.output.text(Severity::error).find("cannot be made: remove it") != std::string::npos);
}

TEST_CASE("an old primary that does not let go has the role again when the handover has timed out") {
    Pair site;
    site.on_tick = [&] { site.obey("a"); };
    auto result = site.run({"primary", "r", "--timeout=10"});
    CHECK(result.exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.output.text(Severity::warning).find("host b is designated primary again") != std::string::npos);
    CHECK(site.r("userspace/handover-a") == "");
    site.both_obey();
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
}

TEST_CASE("an old primary that is not heard of is not called off") {
    Pair site;
    site.both_obey();
    site.beating.erase("b");
    site.world.run_for(10min);
    site.alive({"a"});
    auto result = site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
    CHECK(result.exit == 3);
    CHECK(site.output.text(Severity::warning).find("the old primary b has not answered") != std::string::npos);
}

TEST_CASE("primary on the primary itself only waits for the device") {
    Pair site;
    site.both_obey();
    site.set("resource-r/primary", "a", 5min);
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
}

TEST_CASE("a device that is there but fails is not called good") {
    Pair site;
    site.both_obey();
    site.set("resource-r/primary", "a", 5min);
    site.succeed({"primary", "r"});
    site.set("resource-r/actual-a/if-state", "-28", 1min);
    site.refuse({"primary", "r"}, "device.errlog");
    auto text = site.output.text(Severity::error);
    CHECK(text.find("fails all requests") != std::string::npos);
    CHECK(text.find("No space left on device") != std::string::npos);
    CHECK(text.find("next: ") != std::string::npos);
}

TEST_CASE("the checks of a handover, in their order") {
    Pair site;
    site.both_obey();
    SECTION("an open device names host and remedy") {
        site.set("resource-r/actual-b/open-count", "2");
        site.refuse({"primary", "r"}, "device.inuse");
        auto text = site.output.text(Severity::error);
        CHECK(text.find("in use on host b") != std::string::npos);
        CHECK(text.find("umount /dev/mars/r") != std::string::npos);
    }
    SECTION("own sync") {
        site.set("resource-r/syncstatus-a", "4096");
        site.refuse({"primary", "r"}, "sync.self");
        site.refuse({"primary", "r", "--ignore-sync"}, "sync.self");
    }
    SECTION("own sync has ended, but its position is not reached") {
        site.set("resource-r/syncpos-a", "log-000000003-b,5000,0");
        site.refuse({"primary", "r"}, "sync.self");
    }
    SECTION("switches") {
        for (const char* name : {"attach", "connect", "allow-replay"}) {
            site.set("resource-r/todo-a/" + std::string(name), "0");
            site.refuse({"primary", "r"}, "todo.off");
            site.set("resource-r/todo-a/" + std::string(name), "1");
        }
    }
    SECTION("a stopped replay") {
        site.set("resource-r/actual-a/replay-code", "-5");
        site.refuse({"primary", "r"}, "replay.error");
    }
    SECTION("a stopped replay, told as a list of codes") {
        site.set("resource-r/actual-a/replay-code", "-74,-10101");
        site.refuse({"primary", "r"}, "replay.error");
        CHECK(site.output.text(Severity::error).find("marsadm invalidate r") != std::string::npos);
        CHECK(site.r("primary") == "b");
    }
    SECTION("a disk that is not believed in, with the reason") {
        site.set("resource-r/actual-a/disk-error", "-116");
        site.set("resource-r/actual-a/msg-err-disk-mismatch", "1.000000000 1.000000000 the block at byte 0 differs");
        site.refuse({"primary", "r"}, "disk.unproven");
        CHECK(site.output.text(Severity::error).find("the block at byte 0 differs") != std::string::npos);
        CHECK(site.r("primary") == "b");
    }
    SECTION("own emergency") {
        site.set("resource-r/actual-a/has-emergency", "1");
        site.refuse({"primary", "r"}, "emergency.self");
    }
    SECTION("marsd does not run") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"primary", "r"}, "dp.required");
    }
    SECTION("not a member") {
        REQUIRE(site.hand->storage().remove("/mars/resource-r/data-a"));
        REQUIRE(site.hand->storage().remove("/mars/resource-r/device-a"));
        REQUIRE(site.hand->storage().remove("/mars/resource-r/replay-a"));
        site.refuse({"primary", "r"}, "res.notmember");
    }
}

TEST_CASE("another member that is syncing holds a handover back, unless told otherwise") {
    Pair site;
    site.both_obey();
    site.set("ips/ip-c", "10.0.0.3");
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"data-c", "/dev/vg/c"},
                                            {"device-c", "r"},
                                            {"syncstatus-c", "4096"},
                                            {"replay-c", "log-000000003-b,0,0"},
                                            {"version-000000003-c", std::string(Pair::kVersion3)}})
        site.set("resource-r/" + key, value);
    site.alive({"a", "b", "c"});
    site.refuse({"primary", "r"}, "sync.peer");
    site.succeed({"primary", "r", "--ignore-sync"});
    CHECK(site.r("primary") == "a");
}

TEST_CASE("secondary designates nobody and waits for the device") {
    Pair site;
    site.both_obey();
    site.set("resource-r/actual-b/open-count", "1");
    site.refuse({"secondary", "r"}, "device.inuse");
    site.set("resource-r/actual-b/open-count", "0");
    const auto old_stamp = site.stamp("resource-r/primary");
    site.succeed({"secondary", "r"});
    CHECK(site.r("primary") == "(none)");
    CHECK(site.stamp("resource-r/primary") == Stamp{old_stamp.sec + 1, 0});
    CHECK(site.r("userspace/last-primary") == "b");
    CHECK(site.r("actual-b/is-primary") == "0");
}

TEST_CASE("invalidate starts over as a copy of the primary") {
    Pair site;
    site.both_obey();
    site.set("resource-r/version-000000003-a", "a4253b9df7f349f5334b89a9027ff8d3,log-000000003-a,8192:"
                                               "19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192");
    site.set("resource-r/replay-a", "log-000000003-a,8192,0");
    site.file("resource-r/log-000000003-a", std::string(8192, 'y'));
    std::set<std::string> switched;
    auto obey = site.on_tick;
    site.on_tick = [&] {
        obey();
        switched.insert(site.r("todo-a/attach") + site.r("todo-a/sync"));
    };
    site.succeed({"invalidate", "r"});
    CHECK(switched.contains("00"));
    CHECK(site.r("replay-a") == "log-000000003-b,0,0");
    CHECK(site.r("version-000000003-a") == Pair::kVersion3);
    CHECK(site.r("version-000000002-a") == Pair::kVersion2);
    CHECK(site.r("skip-check-a") == "3");
    CHECK(site.r("syncstatus-a") == "0");
    CHECK(site.raw("resource-r/log-000000003-a") == ".deleted");
    CHECK_FALSE(site.exists("resource-r/log-000000003-b")); // fetched anew: it may be another history
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        CHECK(site.r(std::string("todo-a/") + name) == "1");
    CHECK(site.stamp("resource-r/todo-a/attach") < site.stamp("resource-r/todo-a/sync"));
}

TEST_CASE("invalidate begins with the log that its source is at, whoever wrote it") {
    // b is primary no longer, or not yet at work: it replays what c has written, and there is no log 3 of b's own.
    Pair site;
    site.both_obey();
    site.set("resource-r/version-000000003-b", "a4253b9df7f349f5334b89a9027ff8d3,log-000000003-c,8192:"
                                               "19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192");
    site.set("resource-r/replay-b", "log-000000003-c,8192,0");
    site.succeed({"invalidate", "r"});
    CHECK(site.r("replay-a") == "log-000000003-c,0,0");
    CHECK(site.r("version-000000003-a") == site.r("version-000000003-b"));
}

TEST_CASE("invalidate needs another primary") {
    Pair site;
    site.both_obey();
    site.set("resource-r/primary", "(none)");
    site.refuse({"invalidate", "r"}, "role.none");
    site.set("resource-r/primary", "a");
    site.refuse({"invalidate", "r"}, "role.self");
    site.set("resource-r/primary", "b");
    site.on_tick = nullptr;
    site.set("resource-r/actual-a/is-primary", "1", 0s);
    site.refuse({"invalidate", "r"}, "role.isprimary");
    site.refuse({"invalidate", "r", "--force"}, "role.isprimary");
}

TEST_CASE("invalidate throws nothing away that the primary has yet to get, and does not run into the same damage") {
    Pair site;
    site.both_obey();
    SECTION("a primary that is not at work and behind") {
        site.on_tick = [&] { site.obey("a"); };
        site.set("resource-r/actual-b/is-primary", "0");
        site.set("resource-r/replay-b", "log-000000003-b,1024,0");
        site.refuse({"invalidate", "r"}, "replay.ahead");
    }
    SECTION("the log that the primary is writing is damaged") {
        site.set("resource-r/replay-a", "log-000000003-b,2048,2048");
        site.set("resource-r/actual-a/replay-code", "-74,-10101");
        site.refuse({"invalidate", "r"}, "replay.error");
        CHECK(site.output.text(Severity::error).find("on host b, marsadm log-rotate r") != std::string::npos);
    }
}

TEST_CASE("when another host is made primary meanwhile, the command says who has won, and changes nothing more") {
    Pair site;
    site.set("resource-r/device-c", "r");
    const char* when = GENERATE("(none)", "a");
    bool is_taken = false;
    Stamp theirs;
    site.on_tick = [&] {
        if (!is_taken) site.obey("b");
        if (site.r("primary") != when || is_taken) return;
        is_taken = true;
        site.set("resource-r/primary", "c", 0s);
        theirs = site.stamp("resource-r/primary");
    };
    INFO("taken when primary is " << when);
    const auto result = site.run({"primary", "r"});
    CHECK(is_taken);
    CHECK(result.exit == 1);
    const auto text = site.output.text(Severity::error);
    CHECK(text.find("[role.lost]") != std::string::npos);
    CHECK(text.find("host c has been made primary meanwhile") != std::string::npos);
    CHECK(site.r("primary") == "c");
    CHECK(site.stamp("resource-r/primary") == theirs);
}

TEST_CASE("primary on the primary writes nothing") {
    Pair site;
    site.both_obey();
    site.set("resource-r/primary", "a", 5min);
    site.succeed({"primary", "r"});
    const auto before = site.snapshot();
    site.succeed({"primary", "r"});
    CHECK(Site::difference(before, site.snapshot()) == "");
}

TEST_CASE("what arrives while the designation is about to be written wins") {
    Pair site;
    site.both_obey();
    site.set("resource-r/device-c", "r");
    const std::string other = GENERATE("c", "(none)"); // (none): c was primary, and is not any more
    bool is_taken = false;
    site.local.on_lock = [&] {
        if (is_taken || site.output.text(Severity::info).find("phase 8") == std::string::npos) return;
        is_taken = true;
        site.set("resource-r/primary", other, 0s);
    };
    const auto result = site.run({"primary", "r"});
    INFO(site.output.text(Severity::error));
    CHECK(is_taken);
    CHECK(result.exit == 1);
    CHECK(site.output.text(Severity::error).find("[role.lost]") != std::string::npos);
    CHECK(site.r("primary") == other);
    CHECK(site.r("userspace/last-primary") == "b");
}

TEST_CASE("an old primary that has left its role already is asked all the same") {
    Pair site;
    site.set("resource-r/primary", "(none)");
    site.set("resource-r/actual-b/is-primary", "0");
    site.set("resource-r/actual-b/if-on", "0");
    site.on_tick = [&] { site.obey("a"); };
    site.beating.erase("b");
    site.refuse({"primary", "r", "--timeout=20"}, "wait.phase");
    const auto text = site.output.text(Severity::error);
    CHECK(text.find("host b has not answered host a") != std::string::npos);
    CHECK(text.find("nobody is designated primary now") != std::string::npos);
    SECTION("it answers again") {
        site.alive({"b"});
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("it has gone for good") {
        CHECK(text.find("marsadm --host=b --force leave-resource r") != std::string::npos);
        site.succeed({"--host=b", "--force", "leave-resource", "r"});
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
}

TEST_CASE("what the old primary has told before it left its role is not enough") {
    Pair site;
    site.on_tick = [&] {
        site.obey("a");
        site.obey("b");
        if (site.r("primary") == "(none)") site.beating.erase("b");
    };
    const auto result = site.run({"primary", "r", "--timeout=20"});
    CHECK(result.exit == 3);
    CHECK(site.r("primary") == "b"); // when it hears of that
    CHECK(site.output.text(Severity::warning).find("host b is designated primary again") != std::string::npos);
    const auto text = site.output.text(Severity::error);
    CHECK(text.find("host b has not answered host a since it has left its role") != std::string::npos);
    CHECK(text.find("if b has gone for good, first: marsadm --host=b") != std::string::npos);
}

TEST_CASE("a timeout after the old primary was called off names it, and what is missing") {
    Pair site;
    site.on_tick = [&] { site.obey("a"); };
    SECTION("it keeps its role") {
        CHECK(site.run({"primary", "r", "--timeout=10"}).exit == 3);
        CHECK(site.output.text(Severity::error)
                  .find("host b has not left its role: resource-r/actual-b/is-primary is 1, expected 0") !=
              std::string::npos);
        CHECK(site.output.text(Severity::progress).find("host b has not left its role") != std::string::npos);
        CHECK(site.output.text(Severity::error).find("gone for good") == std::string::npos); // it answers
    }
    SECTION("it has not seen that it is called off") {
        site.both_obey();
        site.set("resource-r/actual-b/primary-seen", "b,1.000000000");
        CHECK(site.run({"primary", "r", "--timeout=10"}).exit == 3);
        CHECK(site.output.text(Severity::error)
                  .find("host b has not seen that nobody is designated: resource-r/actual-b/primary-seen is b,1.0") !=
              std::string::npos);
    }
}

TEST_CASE("a device that is opened before the old primary is called off keeps it") {
    Pair site;
    site.beating.erase("b");
    int ticks = 0;
    site.on_tick = [&] {
        site.obey("a");
        site.obey("b");
        if (++ticks != 500) return; // the line is good again: what arrives first is the open device
        site.set("resource-r/actual-b/open-count", "1", 0s);
        site.alive({"b"});
    };
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK(ticks >= 500);
    CHECK(site.output.text(Severity::error).find("[device.inuse]") != std::string::npos);
    CHECK(site.r("primary") == "b");
}

TEST_CASE("secondary asks first whether the device is in use, and waits until its end was understood") {
    Pair site;
    SECTION("it is in use, which is not known here yet") {
        site.beating.erase("b");
        site.on_tick = [&] {
            if (site.get("actual-a/ask").empty()) return;
            site.set("resource-r/actual-b/open-count", "1", 0s);
            site.alive({"b"});
        };
        CHECK(site.run({"secondary", "r"}).exit == 1);
        CHECK(site.output.text(Severity::error).find("[device.inuse]") != std::string::npos);
        CHECK(site.r("primary") == "b");
    }
    SECTION("the primary has not taken its role yet, and does not know that it shall not") {
        site.set("resource-r/actual-b/is-primary", "0");
        site.set("resource-r/actual-b/primary-seen", "(none),1.000000000");
        int ticks = 0;
        site.on_tick = [&] {
            if (site.r("primary") == "(none)" && ++ticks == 50)
                site.set("resource-r/actual-b/primary-seen", "(none)," + site.stamp("resource-r/primary").text(), 0s);
        };
        site.succeed({"secondary", "r"});
        CHECK(ticks >= 50);
    }
}

TEST_CASE("secondary does not take the role from who has got it while it waited for the lock") {
    int locks = 0, last = 0; // the last lock that it takes before nobody is designated, found in a first run
    {
        Pair site;
        site.both_obey();
        site.local.on_lock = [&] {
            ++locks;
            if (site.r("primary") == "b") last = locks;
        };
        site.succeed({"secondary", "r"});
    }
    locks = 0;
    Pair site;
    site.both_obey();
    site.local.on_lock = [&] {
        if (++locks != last) return;
        // Another host has made itself primary, in the same second as b had done.
        const auto before = site.stamp("resource-r/primary");
        REQUIRE(site.hand->storage().write_symlink("/mars/resource-r/primary", "/mars/resource-r/.tmp-primary", "a",
                                                   Stamp{before.sec, before.nsec + 1}));
    };
    site.run({"secondary", "r", "--timeout=20"});
    REQUIRE(locks >= last);
    CHECK(site.r("primary") == "a");
    CHECK_THAT(site.output.text(Severity::error), Catch::Contains("[role.lost]"));
}

TEST_CASE("a dead host that a handover does not need is no reason to fail, also with strict-wait") {
    Pair site;
    site.both_obey();
    site.set("ips/ip-c", "10.0.0.3");
    site.set("resource-r/data-c", "/dev/vg/c");
    site.set("resource-r/device-c", "r");
    site.set("resource-r/syncstatus-c", "1048576");
    site.succeed({"primary", "r", "--strict-wait"});
    CHECK(site.r("primary") == "a");
    CHECK(site.output.text(Severity::warning).find("nothing is heard of c") != std::string::npos);
}

TEST_CASE("a new complaint of marsd ends the wait for the device, one that passes does not") {
    Pair site;
    const bool passes = GENERATE(false, true);
    int ticks = 0;
    site.on_tick = [&] {
        site.obey("b");
        if (site.r("primary") != "a") return;
        if (++ticks == 10)
            site.set("resource-r/actual-a/msg-err-replay-stop",
                     "1.000000000 1.000000000 /dev/mars/r cannot be made: remove it", 0s);
        if (passes && ticks == 110) site.set("resource-r/actual-a/msg-err-replay-stop", "OK", 0s);
        if (passes && ticks > 300) site.obey("a");
    };
    const auto result = site.run({"primary", "r"});
    INFO(site.output.text(Severity::error));
    CHECK(site.r("primary") == "a");
    CHECK(result.exit == (passes ? 0 : 1));
    if (passes) return;
    CHECK(site.output.text(Severity::error).find("cannot be made: remove it") != std::string::npos);
    CHECK(site.output.text(Severity::error).find("[device.errlog]") != std::string::npos);
}

TEST_CASE("a primary that has waited for others and never was at work does not decide who comes next") {
    Pair site;
    site.both_obey();
    site.set("resource-r/userspace/last-primary", "b");
    site.set("resource-r/userspace/prev-primary", "c");
    SECTION("it was not at work: who was before still does") {
        for (const std::string host : {"a", "b"}) {
            site.set("resource-r/replay-" + host, "log-000000003-c,4096,0");
            const auto second = format::make_version({2, "c"}, 8192, std::string()).text();
            site.set("resource-r/version-000000002-" + host, second);
            site.set("resource-r/version-000000003-" + host, format::make_version({3, "c"}, 4096, second).text());
        }
        site.set("resource-r/actual-b/is-primary", "0");
        site.set("resource-r/actual-b/if-on", "0");
        site.on_tick = [&] { site.obey("a"); };
        site.succeed({"primary", "r"});
        CHECK(site.r("userspace/prev-primary") == "c");
    }
    SECTION("it was") {
        site.succeed({"primary", "r"});
        CHECK(site.r("userspace/prev-primary") == "b");
    }
    CHECK(site.r("userspace/last-primary") == "a");
}
