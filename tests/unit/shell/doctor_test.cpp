// SPDX-License-Identifier: GPL-2.0-or-later
// doctor: each check finds its trouble, tells what, why and what to do, and nothing when all is right.
#include "fixture.hpp"
#include "health_rig.hpp"

#include <set>

#include "shell/health/doctor.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Trouble {
    std::string_view check;
    Weight weight;
    void (*make)(Healthy&, Patient&);
    std::vector<std::string> texts; // in the report
};

const std::vector<Trouble>& troubles() {
    static const std::vector<Trouble> all{
        {"marsd",
         Weight::error,
         [](Healthy&, Patient& p) { p.marsd_runs = false; },
         {"ERROR: on host a: marsd does not run here", "next: systemctl start marsd"}},
        {"marsd",
         Weight::error,
         [](Healthy& h, Patient&) { h.heard("a", 30); },
         {"marsd runs here, but has told nothing for 30 s"}},
        {"marsd",
         Weight::warning,
         [](Healthy& h, Patient&) { h.erase("uuid"); },
         {"it belongs to no cluster yet", "next: marsadm create-cluster"}},
        {"silence",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.heard("b", 42);
             h.version(3, "a", 1052672, 1);
         },
         {"ERROR: on host b: no news of b for 42 s; data as of ", "its replica of r is 1.0 MiB behind at most",
          "next: ping b; ssh b systemctl status marsd",
          "if b has gone for good: marsadm --host=b --force leave-resource r"}},
        {"silence",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.set("actual-b/alive", "0", Stamp{Healthy::kNow - 42, 0});
         },
         {"WARNING: on host b: no news of b for 42 s", "marsd was stopped in order there",
          "ssh b systemctl start marsd"}},
        {"host-messages",
         Weight::error,
         [](Healthy& h, Patient&) { h.complain("actual-b", "err-clock", "the clock is wrong; next: set it"); },
         {"on host b: the clock is wrong", "why: err-clock for 60 s", "next: set it"}},
        {"space",
         Weight::error,
         [](Healthy&, Patient& p) { p.space = env::SpaceInfo{.total_bytes = 1 << 30, .available_bytes = 4096}; },
         {"on host a: /mars is full", "next: marsadm log-delete-all all"}},
        {"space",
         Weight::warning,
         [](Healthy&, Patient& p) { p.space = env::SpaceInfo{.total_bytes = 1 << 30, .available_bytes = 50 << 20}; },
         {"/mars is nearly full", "50.0 MiB of 1.0 GiB are free"}},
        {"space",
         Weight::error,
         [](Healthy&, Patient& p) { p.space = env::SpaceInfo{.is_read_only = true}; },
         {"/mars is read-only", "fsck"}},
        {"space-elsewhere",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("actual-b/emergency", "3"); },
         {"on host b: /mars is filling up: level 3 of 4", "next: marsadm @b log-delete-all all"}},
        {"clock",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.heard("a", -3600);
             h.set("actual-a/read-time", Stamp{Healthy::kNow, 0}.text());
         },
         {"the cluster's clock is 60 min ahead of this host's"}},
        {"versions",
         Weight::warning,
         [](Healthy& h, Patient&) { h.set("actual-b/buildtag", "mars0.1astable110"); },
         {"on host b: it runs another version: mars0.1astable110", "marsadm safe-to-stop b"}},
        {"primary",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.set("resource-r/primary", "(none)");
             h.set("resource-r/actual-a/is-primary", "0");
         },
         {"WARNING: resource r: no host is the designated primary", "next: marsadm primary r"}},
        {"primary",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.set("resource-r/actual-a/is-primary", "0");
             h.complain("resource-r/actual-a", "inf-primary-wait", "waits for b; next: start b");
         },
         {"on host a: it is the designated primary, but has no device", "why: waits for b", "next: start b"}},
        {"primary",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-b/is-primary", "1"); },
         {"more than one host is primary: a, b"}},
        {"primary",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.set("resource-r/primary", "(none)");
             h.set("resource-r/actual-a/open-count", "2");
         },
         {"on host a: it remains primary", "2 have the device open", "fuser -vm /dev/mars/r on a"}},
        {"split-brain",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.set("resource-r/replay-b", "log-000000003-b,512,0");
             h.set("resource-r/version-000000003-b",
                   std::string(32, '9') + ",log-000000003-b,512:" + std::string(32, '2') + ",log-000000002-a,8192");
         },
         {"resource r: SPLIT BRAIN: 2 versions", "next: to keep the version of ", ": marsadm invalidate r"}},
        {"handover",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.set("resource-r/primary", "(none)");
             h.set("resource-r/actual-a/is-primary", "0");
             h.set("resource-r/userspace/handover-b", "b,5,abandoned");
         },
         {"on host b: a handover to b was not finished (phase 5)", "next: marsadm primary r on b"}},
        {"application",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.set("resource-r/systemd-start-unit", "db.service");
             h.set("resource-r/systemd-want", "a");
         },
         {"on host a: the application is wanted on a, but nothing there has the device open",
          "next: systemctl status db.service on a"}},
        {"switches",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.set("resource-r/todo-b/allow-replay", "0", Stamp{Healthy::kNow - 7200, 0});
         },
         {"on host b: its replay is switched off for 2 h", "resource-r/todo-b/allow-replay",
          "next: marsadm @b resume-replay r"}},
        {"disk",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-b/disk-error", "-5"); },
         {"on host b: its disk /dev/vg/r is not used: disk-error = -5", "marsadm @b invalidate r"}},
        {"disk",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-a/is-attached", "0"); },
         {"on host a: its disk /dev/vg/r is to be attached, but is not"}},
        {"device",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-a/if-state", "-28"); },
         {"on host a: its device /dev/mars/r fails requests: if-state = -28"}},
        {"copy",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.set("resource-r/syncstatus-b", "524288");
             h.complain("resource-r/actual-b", "inf-sync-start", "waiting until a has replayed");
         },
         {"ERROR: resource r on host b: its copy is not complete, and no sync runs",
          "512.0 KiB of 1.0 MiB are here; waiting until a has replayed"}},
        {"copy",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.set("resource-r/syncstatus-b", "524288");
             h.set("resource-r/actual-b/is-syncing", "1");
         },
         {"WARNING: resource r on host b: its copy is being made"}},
        {"copy",
         Weight::warning,
         [](Healthy& h, Patient&) { h.set("resource-r/syncpos-b", "log-000000003-a,8192,0"); },
         {"its replay has still to reach the end of the sync"}},
        {"backlog",
         Weight::warning,
         [](Healthy& h, Patient&) {
             h.version(3, "a", 100 << 20, 1);
             h.set("resource-r/actual-b/replay-stamp", Stamp{Healthy::kNow - 34, 0}.text());
             h.set("resource-r/replay-b", "log-000000003-a,4096,0", Stamp{Healthy::kNow - 600, 0});
             h.complain("resource-r/actual-b", "inf-fetch", "a refuses the connection");
         },
         {"on host b: its replica is 100.0 MiB behind",
          "the oldest write that it misses was 34 s ago; its position has not moved for 10 min; a refuses the "
          "connection",
          "next: marsadm forecast r"}},
        {"logs",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-b/damaged-log", "log-000000003-a"); },
         {"on host b: its log-000000003-a is damaged", "marsadm @b invalidate r"}},
        {"logs",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-b/replay-code", "-74"); },
         {"on host b: its replay has stopped, replay-code = -74"}},
        {"emergency",
         Weight::error,
         [](Healthy& h, Patient&) { h.set("resource-r/actual-a/has-emergency", "1"); },
         {"on host a: it is in emergency mode", "next: make room: marsadm log-delete-all all"}},
        {"messages",
         Weight::error,
         [](Healthy& h, Patient&) {
             h.complain("resource-r/actual-b", "err-log-not-contiguous", "no log follows; next: marsadm invalidate r");
         },
         {"on host b: no log follows", "why: err-log-not-contiguous for 60 s", "next: marsadm invalidate r"}},
        {"messages",
         Weight::warning,
         [](Healthy& h, Patient&) { h.complain("resource-r/actual-b", "wrn-space-low", "little room"); },
         {"WARNING: resource r on host b: little room"}},
    };
    return all;
}

} // namespace

TEST_CASE("doctor finds nothing where all is right") {
    Healthy healthy;
    const auto found = examine(healthy.patient(), {});
    CHECK(report_of(found) == "all right\n");
    CHECK(status_of(found) == 0);
}

TEST_CASE("every check of doctor finds its trouble, and tells what to do") {
    std::set<std::string_view> tried;
    for (const auto& trouble : troubles()) {
        Healthy healthy;
        auto patient = healthy.patient();
        trouble.make(healthy, patient);
        const auto found = examine(patient, {});
        const auto report = report_of(found);
        INFO(trouble.check << ":\n" << report);
        std::size_t of_check = 0;
        for (const auto& finding : found) {
            if (finding.check != trouble.check) continue;
            ++of_check;
            CHECK(finding.weight == trouble.weight);
            CHECK_FALSE(finding.cures.empty());
        }
        CHECK(of_check >= 1);
        for (const auto& text : trouble.texts) contains(report, text);
        tried.insert(trouble.check);
    }
    for (const auto& check : health_checks()) {
        INFO("no trouble in this test for the check " << check.name);
        CHECK(tried.contains(check.name));
        CHECK_FALSE(check.doc.empty());
    }
}

TEST_CASE("doctor says as of when it knows what a silent host has told") {
    Healthy healthy;
    healthy.heard("b", 300);
    healthy.set("resource-r/actual-b/disk-error", "-5");
    contains(report_of(examine(healthy.patient(), {})), "it is missing, too small, or has failed; as of ");
}

TEST_CASE("doctor of one resource leaves the others out") {
    Healthy healthy;
    healthy.set("resource-other/primary", "(none)");
    healthy.set("resource-other/data-b", "/dev/vg/o");
    CHECK(status_of(examine(healthy.patient(), {"r"})) == 0);
    CHECK(status_of(examine(healthy.patient(), {})) != 0);
}

TEST_CASE("the exit status of doctor is for monitoring") {
    Pair site;
    site.local.root = false; // to whom nothing would seem to be there
    CHECK(site.run({"doctor"}).exit == 4);
    site.local.root = true;
    site.set("resource-r/todo-b/attach", "1");
    CHECK(site.run({"doctor"}).exit == 0);
    CHECK(site.output.text(Severity::answer) == "all right\n");
    site.set("resource-r/todo-a/allow-replay", "0");
    CHECK(site.run({"doctor", "r"}).exit == 1);
    contains(site.output.text(Severity::answer), "0 errors, 1 warning\n");
    site.set("resource-r/actual-a/disk-error", "-5");
    CHECK(site.run({"doctor", "--json"}).exit == 2);
    const auto text = site.output.text(Severity::answer);
    contains(text, "\"status\": \"error\"");
    contains(text, "\"weight\": \"error\", \"check\": \"disk\", \"resource\": \"r\", \"host\": \"a\", \"what\": ");
    CHECK(site.run({"doctor", "nothing"}).exit == 1);
}
