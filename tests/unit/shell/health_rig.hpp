// SPDX-License-Identifier: GPL-2.0-or-later
// A cluster where all is right: a (which looks) is primary of r, b its secondary, level; both heard of a second ago.
#pragma once

#include <catch2/catch.hpp>

#include "shell/health/patient.hpp"
#include "tests/unit/map_view.hpp"

namespace mars::shell::testing {

struct Healthy : test::MapView {
    static constexpr std::int64_t kNow = 1'700'000'000;

    Healthy() {
        set("uuid", "a_1000.000000000");
        set("resource-r/size", "1048576");
        set("resource-r/primary", "a");
        for (const std::string host : {"a", "b"}) {
            const std::string actual = "resource-r/actual-" + host + "/";
            heard(host, 1);
            set("ips/ip-" + host, "10.0.0.1");
            set("actual-" + host + "/buildtag", "mars0.2-200(2026-11-21 00:00:00)");
            set("actual-" + host + "/total-space", "100");
            set("actual-" + host + "/rest-space", "80");
            set("resource-r/data-" + host, "/dev/vg/r");
            set("resource-r/device-" + host, "r");
            set("resource-r/syncstatus-" + host, "1048576");
            set("resource-r/replay-" + host, "log-000000003-a,4096,0");
            version(2, host, 8192, 3600);
            version(3, host, 4096, 60);
            for (const char* name : {"attach", "connect", "sync", "allow-replay"})
                set("resource-r/todo-" + host + "/" + name, "1");
            set(actual + "is-attached", "1");
            set(actual + "is-primary", host == "a" ? "1" : "0");
            set(actual + "if-on", host == "a" ? "1" : "0");
            set(actual + "open-count", "0");
        }
    }
    void heard(const std::string& host, std::int64_t seconds_ago) {
        set("actual-" + host + "/alive", "1", Stamp{kNow - seconds_ago, 0});
    }
    void version(int seq, const std::string& host, std::int64_t length, std::int64_t seconds_ago) {
        const auto number = "00000000" + std::to_string(seq);
        set("resource-r/version-" + number + "-" + host,
            std::string(32, static_cast<char>('0' + seq)) + ",log-" + number + "-a," + std::to_string(length) + ":" +
                (seq == 3 ? std::string(32, '2') + ",log-000000002-a,8192" : ""),
            Stamp{kNow - seconds_ago, 0});
    }
    // What marsd of `host` complains about since a minute.
    void complain(const std::string& directory, const std::string& name, const std::string& text) {
        const auto stamp = Stamp{kNow - 60, 0}.text();
        set(directory + "/msg-" + name, stamp + " " + stamp + " " + text);
    }
    Patient patient() const { return {*this, {"a", Stamp{kNow, 0}}}; }
};

inline bool contains(const std::string& text, const std::string& part) {
    INFO(text << "\nlacks: " << part);
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

} // namespace mars::shell::testing
