// SPDX-License-Identifier: GPL-2.0-or-later
// The line formats of the built-in macros, on variations of the sample cluster.
#include <catch2/catch.hpp>

#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

namespace {

constexpr const char* kR = "resource-vol1/";

void change(SampleCluster& cluster, const std::string& line) {
    cluster.view.apply(kR + line);
}

} // namespace

TEST_CASE("default shows device, status line and progress") {
    SampleCluster a("nodea", Compat::v01a), b("nodeb", Compat::v01a), now("nodeb");
    CHECK(a.show("default") == "  LocalDevice /dev/mars/vol1 [Opened, 55 IOPS]\n"
                               "  vol1 [2/2] UpToDate Replicating DCASFR Primary nodea \n");
    const std::string status = "  vol1 [2/2] OutDated[FR] Replaying dCASfr Secondary nodea \n";
    const std::string lines = "       > fetch: 23.842 MiB rate: 1.000 MiB/s remaining: 00:00:23\n"
                              "       > replay: 33.379 MiB rate: 256.000 KiB/s remaining: 00:02:13\n";
    CHECK(b.show("default") ==
          status + "     replaying: [=>:::::::::.......]  14.36%  (9/66)MiB  logs: [11::12]\n" + lines);
    // Without the rounding bias of release 0.1a.
    CHECK(now.show("default") ==
          status + "     replaying: [=>:::::::::.......]  14.29%  (9/66)MiB  logs: [11::12]\n" + lines);
}

TEST_CASE("default hints at wasted and unused space") {
    SampleCluster b;
    change(b, "actsize-nodea -> 17179869184");
    change(b, "actsize-nodeb -> 17179869184");
    CHECK(b.show("default").find("\n     Hint: you are wasting 8192.000 MiB on disk /dev/vg/vol1\n"
                                 "     Hint: marsadm resize would increase resource vol1 by 8192.000 MiB\n"
                                 "     replaying:") != std::string::npos);
}

TEST_CASE("default shows the age of an unresponsive peer in place of its empty field") {
    SampleCluster b;
    b.context.options.window = 10;
    CHECK(b.show("default").starts_with("  vol1 [2/2] OutDated[FR] UnResponsive dCASfr Secondary nodea 00:00:11\n"));
    change(b, "primary -> (none)");
    CHECK(b.show("default").find(" Secondary  \n") != std::string::npos);
}

TEST_CASE("a host that is no member sees only the device") {
    SampleCluster b;
    change(b, "data-nodeb removed");
    change(b, "replay-nodeb removed");
    CHECK(b.show("default") == "");
    change(b, "actual-nodeb/if-on -> 1");
    CHECK(b.show("default") == "  LocalDevice /dev/mars/vol1 [Closed]\n");
}

TEST_CASE("a device whose log has failed shows its error, also when it is closed or gone") {
    SampleCluster a("nodea");
    const std::string status = "  vol1 [2/2] UpToDate Replicating dCASFR Primary nodea \n";
    change(a, "actual-nodea/open-count -> 0");
    change(a, "actual-nodea/if-on -> 0");
    CHECK(a.show("default") == status);
    change(a, "actual-nodea/if-state -> -28");
    CHECK(a.show("default") ==
          "  LocalDevice /dev/mars/vol1 [Closed, DEVICE_ERROR=-28[ENOSPC:No_space_left_on_device]]\n" + status);
}

TEST_CASE("without a resource nothing is missed") {
    SampleCluster b;
    b.context.real_host = "nodeb";
    for (auto* name : {"default", "diskstate", "replstate", "role", "1and1", "resource-possible-size", "is-orphan"}) {
        INFO(name);
        b.show(name, "");
        CHECK(b.outside.warnings.empty());
        b.outside.warnings.clear();
    }
}

TEST_CASE("a disk that is a regular file is as present as any") {
    SampleCluster b;
    b.outside.kinds["/dev/vg/vol1"] = Outside::FileKind::regular;
    CHECK(b.show("diskstate") == "OutDated[FR]\n");
    CHECK(b.show("role") == "Secondary\n");
}

TEST_CASE("fetch and replay lines show age and lag beyond the window") {
    SampleCluster b;
    change(b, "version-000000011-nodeb -> h11,log-000000011-nodea,40000000:h10,log-000000010-nodea,20000000 @-100");
    change(b, "replay-nodeb -> log-000000011-nodea,10000000,5000000 @-100");
    CHECK(b.show("fetch-line") == "       > fetch: 23.842 MiB age: 00:01:50 rate: 1.000 MiB/s remaining: 00:00:23\n");
    CHECK(b.show("replay-line") ==
          "       > replay: 33.379 MiB age: 00:01:50 rate: 256.000 KiB/s remaining: 00:02:13\n");
    CHECK(b.outside.warnings.empty());
    b.context.options.stuck_seconds = 100;
    b.show("replay-line");
    REQUIRE(b.outside.warnings.size() == 1);
    CHECK(b.outside.warnings.front() == "replay of vol1 appears to be stuck for ~00:01:50");
    SampleCluster late;
    change(late, "version-000000011-nodeb -> h11,log-000000011-nodea,40000000:h10,log-000000010-nodea,20000000 @--200");
    CHECK(late.show("fetch-line") ==
          "       > fetch: 23.842 MiB lag: 00:03:24 rate: 1.000 MiB/s remaining: 00:00:23\n");
    change(late, "actual-nodeb/amount-file_rate removed");
    CHECK(late.eval("%fetch-line-1and1{}") == "       > fetch: 23.842 MiB rate: 0 B/sec  remaining: --:--:-- hrs\n");
}

TEST_CASE("syncinfo shows bar, percentage, amount, rate and remaining time") {
    SampleCluster b("nodeb", Compat::v01a);
    change(b, "syncstatus-nodeb -> 3221225472");
    change(b, "actual-nodeb/is-syncing -> 1");
    change(b, "actual-nodeb/amount-sync_rate -> 20480");
    CHECK(b.show("syncinfo") ==
          "     syncing: [======>............]  37.69%  (3072/8192)MiB  rate: 20.00 MiB/sec  remaining: "
          "00:04:16 hrs\n"
          "       > sync: 3072.000/8192.000 MiB rate: 20.000 MiB/sec  remaining: 00:04:16 hrs\n");
    CHECK(b.show("syncinfo-1and1") == b.show("syncinfo"));
    CHECK(b.show("default").find("     syncing: [======>............]  37.69%") != std::string::npos);
}

TEST_CASE("replinfo names the logs being replayed, present and known") {
    SampleCluster b("nodeb");
    for (auto* line : {"log-000000011-nodea removed", "log-000000012-nodea removed", "version-000000011-nodeb removed",
                       "version-000000011-nodea removed", "version-000000012-nodea removed"})
        change(b, line);
    change(b, "replay-nodeb -> log-000000002-nodea,0,0");
    for (int i = 2; i <= 4; ++i) change(b, "log-00000000" + std::to_string(i) + "-nodea = 4096");
    change(b, "version-000000005-nodea -> h5,log-000000005-nodea,4096:h4,log-000000004-nodea,4096");
    CHECK(b.show("replinfo").find("  logs: [2::4..5]\n") != std::string::npos);
    SampleCluster done;
    done.caught_up();
    CHECK(done.show("replinfo").find("  logs: [12]\n") != std::string::npos);
}

TEST_CASE("1and1 has lines of its own") {
    SampleCluster b("nodeb", Compat::v01a);
    CHECK(b.show("1and1") == "  vol1 Outdated[FR] Replaying -SFR- Secondary nodea\n"
                             "     replaying: [=>:::::::::.......]  14.36%  (9/66)MiB  logs: [11..12]\n"
                             "       > fetch: 23.842 MiB rate: 1.000 MiB/sec  remaining: 00:00:23 hrs\n"
                             "       > replay: 33.379 MiB rate: 256.000 KiB/sec  remaining: 00:02:13 hrs\n");
    CHECK(b.outside.warnings.empty());
}

TEST_CASE("device-info shows what happens on the device") {
    SampleCluster a("nodea");
    change(a, "actual-nodea/open-count -> 0");
    CHECK(a.show("device-info") == "  LocalDevice /dev/mars/vol1 [Closed]\n");
    change(a, "actual-nodea/open-count -> 1");
    a.outside.contents["/proc/mounts"] = "proc /proc proc rw 0 0\n/dev/mars/vol1 /mnt/data tmpfs rw,relatime 0 0\n";
    CHECK(a.show("device-info") == "  LocalDevice /dev/mars/vol1 [Opened, /mnt/data, 55 IOPS]\n");
    change(a, "actual-nodea/if-state -> -5");
    change(a, "actual-nodea/if-flying -> 7");
    change(a, "actual-nodea/if-completion-stamp -> 1649999900.000000000");
    a.context.options.verbose = 1;
    CHECK(a.show("device-info") ==
          "  LocalDevice /dev/mars/vol1 [Opened, /mnt/data tmpfs rw,relatime, "
          "DEVICE_ERROR=-5[EIO:Input/output_error], 55 IOPS, 7 Flying, HANGING age: 00:01:50]\n");
}

TEST_CASE("default-header shows digests and compressions") {
    SampleCluster a("nodea", Compat::v01a);
    a.view.apply("actual-nodea/used-log-compression -> 0x01000000");
    a.view.apply("actual-nodea/used-log-digest -> 0x00020000");
    a.view.apply("defaults/enabled-log-compressions -> 0x01000000");
    a.view.apply("defaults-nodea/sync-limit -> 3");
    a.context.options.verbose = 1;
    const std::string upper = "used-log-compression=\"COMPRESS_LZO\"\n"
                              "  usable: \"COMPRESS_LZO\"\n"
                              "  enabled: \"COMPRESS_LZO\"\n"
                              "used-net-compression=\"\"\n"
                              "  usable: \"COMPRESS_LZO\"\n"
                              "  enabled: \"\"\n"
                              "used-log-digest=\"CHKSUM_MD5\"\n"
                              "  usable: \"CHKSUM_MD5\"\n"
                              "  disabled: \"\"\n";
    const std::string lower = "  usable: \"CHKSUM_MD5\"\n"
                              "  disabled: \"\"\n"
                              "   HINT: the global-sync-limit-value is set to \"3\"\n";
    // Release 0.1a shows the digest of the logs in place of the network's.
    CHECK(a.show("default-header", "") == upper + "used-net-digest=\"CHKSUM_MD5\"\n" + lower);
    a.context.compat = Compat::current;
    CHECK(a.show("default-header", "") == upper + "used-net-digest=\"\"\n" + lower);
}

TEST_CASE("messages are listed, filtered, made readable and counted") {
    SampleCluster b;
    auto message = [&](const std::string& name, const std::string& value) {
        change(b, "actual-nodeb/msg-" + name + " -> " + value);
    };
    message("err-disk", "1649999000.123456789 disk slow status = -5");
    message("err-log", "OK");
    message("inf-x", "hello");
    message("wrn-space", "1649999900.000000001 nearly full");
    CHECK(b.eval("%all-msg{}") == "err-disk: 1649999000.123456789 disk slow status = -5\nerr-log: OK\ninf-x: hello\n"
                                  "wrn-space: 1649999900.000000001 nearly full\n");
    CHECK(b.eval("%the-msg{}").find("err-log") == std::string::npos);
    CHECK(b.eval("%the-pretty-err-msg{}") ==
          "err-disk: 2022-04-15 05:03:20 disk slow status = -[EIO:Input/output error]\n");
    CHECK(b.eval("%all-pretty-err-msg{}") ==
          "err-disk: 2022-04-15 05:03:20.123456789 disk slow status = -[EIO:Input/output error]\nerr-log: OK\n");
    CHECK(b.eval("%the-count{} %all-count{} %the-err-count{} %all-err-count{}") == "3 4 1 2\n");
    CHECK(b.eval("%get-msg{inf-x}") == "hello\n");
    // A young error may be a passing one.
    message("err-disk", "1649999900.123456789 disk slow");
    CHECK(b.eval("%the-err-count{}") == "0\n");
}

TEST_CASE("resource-errors shows what is wrong, more of it with --verbose") {
    SampleCluster b;
    change(b, "actual-nodeb/msg-err-disk -> 1649999000.123456789 disk slow status = -5");
    change(b, "actual-nodeb/msg-wrn-space -> 1649999900.000000001 nearly full");
    for (auto& [name, text] : std::map<std::string, std::string>{{"4.fatal.status", "1649999000.000000000 gone"},
                                                                 {"3.error.status", "one\ntwo\n"},
                                                                 {"2.warn.status", "careful\n"}}) {
        change(b, name + " = 10");
        b.outside.contents[std::string("/mars/") + kR + name] = text;
    }
    CHECK(b.show("resource-errors") == "FATALS   FILE (1): available with --verbose\n"
                                       "ERRORS   LNK  (1):\n"
                                       "err-disk: 2022-04-15 05:03:20 disk slow status = -[EIO:Input/output error]\n"
                                       "ERRORS   FILE (2): available with --verbose\n"
                                       "WARNINGS LNK  (1):\n"
                                       "wrn-space: 2022-04-15 05:18:20 nearly full\n");
    b.context.options.verbose = 1;
    CHECK(b.show("resource-errors").starts_with("FATALS   FILE (1):\n2022-04-15 05:03:20.000000000 gone\nERRORS"));
    CHECK(b.show("resource-errors").ends_with("WARNINGS FILE (1):\ncareful\n"));
}

TEST_CASE("comminfo shows troubles of communication and a slip of the Lamport clock") {
    class Slipping : public TestOutside {
      public:
        std::optional<mars::Stamp> lamport_time() override { return mars::Stamp{1650004009, 0}; }
    } outside;
    SampleCluster b;
    b.view.apply("actual-nodeb/msg-err-net -> 1649999000.000000000 no connection to nodea");
    b.view.apply("actual-nodeb/msg-inf-a -> CONNECTED to nodea");
    b.view.apply("actual-nodeb/msg-inf-b -> DISCONNECTED from nodea");
    Context slipped(b.view, outside, "nodeb");
    slipped.compat = Compat::v01a;
    const std::string head = "++++++++++++ Global / Communication Status ++++++++++++\n"
                             "err-net: 2022-04-15 05:03:20 no connection to nodea\n";
    const std::string slip = "++++++++++++ Lamport time slip: 01:06:39 ++++++++++++\n";
    CHECK(*view(slipped, "comminfo") == head + slip);
    // Release 0.1a also hides what is disconnected.
    slipped.compat = Compat::current;
    CHECK(*view(slipped, "comminfo") == head + "inf-b: DISCONNECTED from nodea\n" + slip);
}

TEST_CASE("view all frames the resources with header, separator lines, global part and footer") {
    SampleCluster a("nodea");
    a.view.apply("actual-nodea/msg-err-net -> 1649999000.000000000 no connection to nodeb");
    Session session(a.context);
    auto frame = session.view_all("default", {"vol1"});
    CHECK(frame.failures.empty());
    CHECK(frame.text.starts_with("used-log-compression=\"\"\n"));
    CHECK(frame.text.find("\n--------- resource vol1 8192.000 MiB [2/2]\n  LocalDevice") != std::string::npos);
    CHECK(frame.text.ends_with("err-net: 2022-04-15 05:03:20 no connection to nodeb\n"));
    auto list = session.view_resources("default", {"vol1"});
    CHECK(list.text.starts_with("--------- resource vol1 8192.000 MiB [2/2]\n  LocalDevice"));
}

TEST_CASE("each line about one of several resources begins with its name") {
    SampleCluster a("nodea");
    Session session(a.context);
    CHECK(session.view_resources("role", {"vol1"}).text == "vol1 Primary\n");
    CHECK(session.view_all("resource-peers", {"vol1"}).text == "vol1 nodea\nvol1 nodeb\n");
    CHECK(session.view_all("systemd-unit", {"vol1"}).text == "vol1\n"); // it has none
    a.context.compat = Compat::v01a;
    CHECK(Session(a.context).view_resources("role", {"vol1"}).text.starts_with("--------- resource vol1"));
}

TEST_CASE("a resource that fails does not keep the others from being shown") {
    SampleCluster a("nodea");
    a.outside.contents["./half.tpl"] = "%if{%eq{%{res}}{vol1}}{fine}{%die{no}}";
    a.context.search_path = {"."};
    CHECK(Session(a.context).view_resources("half", {"vol2", "vol1"}).text == "vol1 fine\n");
    a.outside.contents["./half-header.tpl"] = "so:"; // then it is for people
    Session session(a.context);
    auto frame = session.view_resources("half", {"vol2", "vol1"});
    REQUIRE(frame.failures.size() == 1);
    CHECK(frame.failures.front().first == "vol2");
    CHECK(frame.failures.front().second.text == "no\n  at ./half.tpl:1:30\n"
                                                "    %if{%eq{%{res}}{vol1}}{fine}{%die{no}}\n"
                                                "                                 ^");
    CHECK(frame.text.find("FAILURE cmd='view-half' res='vol2'\n--------- resource vol1") != std::string::npos);
    CHECK(frame.text.ends_with("\nfine\n"));
}
