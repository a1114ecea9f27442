// SPDX-License-Identifier: GPL-2.0-or-later
// view and help: what is printed, and where. The macros themselves have their own tests. Spec: verbs 4.38, 1.10.
#include "fixture.hpp"

#include "shell/help.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("view prints the answer of a macro, and nothing else, on stdout") {
    Pair site;
    site.succeed({"view-get-primary", "r"});
    CHECK(site.output.text(Severity::answer) == "b\n");
    CHECK(site.output.text(Severity::info).empty());
    site.succeed({"view-uuid"});
    CHECK(site.output.text(Severity::answer) == "a_1000.000000000\n");
}

TEST_CASE("plain view shows a line per resource") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::answer).find("r [2/2] UpToDate Replaying") != std::string::npos);
    CHECK(site.output.text(Severity::answer).find("Secondary") != std::string::npos);
    CHECK(site.output.text(Severity::warning).find("heard of") == std::string::npos);
    site.succeed({"view", "all"});
    CHECK(site.output.text(Severity::answer).find("Secondary") != std::string::npos);
}

TEST_CASE("view takes its macro from the command line once") {
    Pair site;
    site.succeed({"view", "r", "--macro=res=%{res}\\nhost=%{host}"});
    CHECK(site.output.text(Severity::answer) == "res=r\nhost=a\n");
}

TEST_CASE("an unknown macro or resource is refused") {
    Pair site;
    site.refuse({"view-no-such-macro", "r"}, "view.macro");
    site.refuse({"view", "unknown"}, "res.missing");
}

TEST_CASE("view works for ordinary users and without a cluster, with a warning") {
    Site site;
    site.local.root = false;
    site.succeed({"view"});
    CHECK(site.output.text(Severity::warning).find("belongs to no cluster") != std::string::npos);
}

TEST_CASE("view warns of hosts that are silent") {
    Pair site;
    site.beating.erase("b");
    site.world.run_for(10min);
    site.alive({"a"});
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::warning).find("nothing is heard of host b") != std::string::npos);
}

TEST_CASE("help and version need nothing") {
    Site site;
    site.local.root = false;
    site.succeed({"help"});
    CHECK(site.output.text(Severity::answer) == overview(0));
    site.succeed({"help", "primary"});
    CHECK(site.output.text(Severity::answer).find("planned handover") != std::string::npos);
    site.succeed({"primary", "--help"});
    CHECK(site.output.text(Severity::answer).find("planned handover") != std::string::npos);
    site.succeed({"--version"});
    CHECK(site.output.text(Severity::answer).starts_with("marsadm "));
    CHECK(site.run({"help", "primry"}).exit == 2);
    CHECK(site.output.text(Severity::error).find("did you mean 'primary'?") != std::string::npos);
}
