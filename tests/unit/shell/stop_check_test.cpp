// SPDX-License-Identifier: GPL-2.0-or-later
// safe-to-stop: yes only when nothing is lost and nobody is without his device; else why not, and what to do first.
#include "fixture.hpp"
#include "health_rig.hpp"

#include "shell/health/stop_check.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

std::string told(const Healthy& healthy, const std::string& host) {
    const auto check = check_stop(healthy.patient(), host);
    const auto text = report_of(check, host);
    CHECK(text.starts_with(check.is_safe() ? "yes: " : "no: "));
    return text;
}

} // namespace

TEST_CASE("a secondary may go down while the primary works, and is told who is alone meanwhile") {
    Healthy healthy;
    CHECK(told(healthy, "b") == "yes: host b may go down now\n  note: resource r: nobody but a has it meanwhile\n");
}

TEST_CASE("a primary may go down only when nobody uses it") {
    Healthy healthy;
    contains(told(healthy, "a"), "yes: host a may go down now\n");
    healthy.set("resource-r/actual-a/open-count", "1");
    auto text = told(healthy, "a");
    contains(text, "no: host a may not go down now\n  resource r: a is primary, and the device is in use\n");
    contains(text, "    next: marsadm @b primary r\n");
    healthy.set("resource-r/actual-a/open-count", "0");
    healthy.set("resource-r/systemd-want", "a");
    contains(told(healthy, "a"), "a is primary, and its application runs there");
    healthy.set("resource-r/actual-b/replay-code", "-5"); // b could not take over
    contains(told(healthy, "a"), "next: umount /dev/mars/r on a, then marsadm secondary r there");
}

TEST_CASE("the only usable replica may not go down") {
    for (auto& [key, value] : std::map<std::string, std::string>{{"resource-r/syncstatus-b", "4096"},
                                                                 {"resource-r/actual-b/is-attached", "0"},
                                                                 {"resource-r/actual-b/disk-error", "-5"}}) {
        Healthy healthy;
        healthy.set(key, value);
        INFO(key);
        contains(told(healthy, "a"), "a has the only usable replica that is heard of: b has no usable replica");
    }
    Healthy healthy;
    healthy.heard("b", 42);
    contains(told(healthy, "a"), "only usable replica that is heard of: nothing is heard of b");
    healthy.erase("resource-r/data-b");
    healthy.erase("resource-r/replay-b");
    contains(told(healthy, "a"), "there is no other member");
}

TEST_CASE("what no other member has keeps a host up, in bytes") {
    Healthy healthy;
    healthy.version(3, "a", 4096 + 1048576, 1);
    contains(told(healthy, "a"), "1.0 MiB of logs (1048576 bytes) are on a only; b lacks the least");
    CHECK(bytes_ahead(healthy, "r", "a", "b") == 1048576);
    CHECK(bytes_ahead(healthy, "r", "b", "a") == 0);
    healthy.erase("resource-r/version-000000003-b"); // b is at log 2
    healthy.version(2, "b", 8000, 1);
    CHECK(bytes_ahead(healthy, "r", "a", "b") == 192 + 4096 + 1048576);
}

TEST_CASE("a source of a copy may not go down") {
    Healthy healthy;
    healthy.set("resource-r/syncstatus-b", "524288");
    healthy.set("resource-r/actual-b/is-syncing", "1");
    const auto text = told(healthy, "a");
    contains(text, "b copies from it: 512.0 KiB of 1.0 MiB are done");
    contains(text, "next: wait: marsadm @b wait-resource r is-sync-off");
}

TEST_CASE("nobody goes down during a handover") {
    Healthy healthy;
    healthy.set("resource-r/userspace/handover-b", "b,5,17.4711.0123abcd", Stamp{Healthy::kNow - 3, 0});
    contains(told(healthy, "b"), "a handover to b is under way (phase 5, since 3 s)");
}

TEST_CASE("what is old is no ground for a yes") {
    Healthy healthy;
    healthy.heard("b", 42);
    contains(told(healthy, "b"), "no news of b for 42 s");
    auto patient = healthy.patient();
    patient.marsd_runs = false;
    contains(report_of(check_stop(patient, "b"), "b"), "marsd does not run on a, so what is known here is old");
}

TEST_CASE("the exit status of safe-to-stop is the answer") {
    Pair site; // b is primary
    CHECK(site.run({"safe-to-stop"}).exit == 0);
    contains(site.output.text(Severity::answer), "yes: host a may go down now\n");
    site.set("resource-r/actual-b/open-count", "1");
    CHECK(site.run({"safe-to-stop", "b"}).exit == 1);
    contains(site.output.text(Severity::answer), "no: host b may not go down now\n");
    CHECK(site.run({"safe-to-stop", "b", "--json"}).exit == 1);
    contains(site.output.text(Severity::answer), "\"safe_to_stop\": false");
    site.refuse({"safe-to-stop", "nowhere"}, "name.nohost");
}
