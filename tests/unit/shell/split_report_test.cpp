// SPDX-License-Identifier: GPL-2.0-or-later
// What is told of a split brain on every member, and the verbs that declare what no program can know.
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// b had been the primary in log 3; a was made it by force when it had 4096 bytes of that. Both have gone on.
struct Split : Pair {
    Split() {
        both_obey();
        set("resource-r/primary", "a");
        set("resource-r/version-000000003-b", format::make_version({3, "b"}, 9000, std::string(kVersion2)).text());
        set("resource-r/replay-b", "log-000000003-b,5000,4000");
        set("resource-r/version-000000004-a", format::make_version({4, "a"}, 700, std::string(kVersion3)).text());
        set("resource-r/replay-a", "log-000000004-a,700,0");
    }
};

} // namespace

TEST_CASE("view tells of each version: what it has, who has it, how to keep it") {
    Split site;
    site.run({"view", "r"});
    const auto told = site.output.text(Severity::warning);
    INFO(told);
    for (const char* part :
         {"2 versions, which part after log-000000003-b,4096", "version of a (the primary): 700 bytes",
          "version of b: 4904 bytes", "to keep the version of a: on b: marsadm invalidate r",
          "to keep the version of b: stop what uses the device on a, on b: marsadm disconnect r, then marsadm primary "
          "--force r; then on a: marsadm invalidate r"})
        CHECK(told.find(part) != std::string::npos);
    site.run({"view", "--json", "r"});
    const auto json = site.output.text(Severity::answer);
    INFO(json);
    for (const char* part : {"\"split_brain\": {\"last_common\": \"log-000000003-b,4096\"", "\"beyond_bytes\": 4904",
                             "\"hosts\": [\"b\"]"})
        CHECK(json.find(part) != std::string::npos);
}

TEST_CASE("without a split brain, nothing of it is told") {
    Pair site;
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::warning).find("SPLIT") == std::string::npos);
    site.succeed({"view", "--json", "r"});
    CHECK(site.output.text(Severity::answer).find("\"split_brain\"") == std::string::npos);
}

TEST_CASE("invalidate leaves no version link of the history that is given up") {
    Split site;
    site.set("resource-r/primary", "b");
    site.set("resource-r/actual-a/is-primary", "0");
    site.set("resource-r/actual-b/is-primary", "1");
    site.set("resource-r/version-000000004-b",
             format::make_version({4, "b"}, 100, site.r("version-000000003-b")).text());
    site.set("resource-r/version-000000005-b",
             format::make_version({5, "b"}, 100, site.r("version-000000004-b")).text());
    site.set("resource-r/version-000000006-b",
             format::make_version({6, "b"}, 100, site.r("version-000000005-b")).text());
    site.set("resource-r/replay-b", "log-000000006-b,100,0");
    site.succeed({"invalidate", "r"});
    for (const char* key : {"version-000000006-", "version-000000005-"})
        CHECK(site.r(std::string(key) + "a") == site.r(std::string(key) + "b"));
    CHECK(site.r("version-000000004-a") == "");
    CHECK(site.r("version-000000003-a") == "");
    CHECK(site.r("version-000000002-a") == Pair::kVersion2);
}

TEST_CASE("fake-sync declares a replica complete, and leaves the sync off") {
    Pair site;
    site.both_obey();
    site.set("resource-r/syncstatus-a", "4096");
    site.succeed({"fake-sync", "r"});
    CHECK(site.r("syncstatus-a") == "1048576");
    CHECK(site.r("todo-a/sync") == "0");
    CHECK(site.output.text(Severity::hint).find("marsadm resume-sync r") != std::string::npos);
}

TEST_CASE("set-replay moves the position, with the version links of the primary") {
    Pair site;
    site.both_obey();
    site.refuse({"set-replay", "r", "3"}, "todo.on");
    site.set("resource-r/todo-a/allow-replay", "0");
    site.refuse({"set-replay", "r", "0"}, "usage.arg");
    site.refuse({"set-replay", "r", "x"}, "usage.arg");
    site.refuse({"set-replay", "r", "4"}, "replay.skip");
    site.set("resource-r/primary", "(none)", 20s);
    site.refuse({"set-replay", "r", "3"}, "role.none");
    site.set("resource-r/primary", "b", 5min);
    site.succeed({"set-replay", "r", "2"});
    CHECK(site.r("replay-a") == "log-000000002-b,0,0");
    CHECK(site.r("version-000000002-a") == Pair::kVersion2);
    CHECK(site.r("skip-check-a").starts_with("2"));
}
