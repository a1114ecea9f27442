// SPDX-License-Identifier: GPL-2.0-or-later
// WithSystemd: the pair of the fixture with templates on host a. Units: with an application on top of them. b is
// primary and played by the test.
#pragma once

#include "tests/unit/shell/fake_systemd.hpp"

namespace mars::shell::testing {

struct WithSystemd : Pair {
    WithSystemd() : fake(*this) {
        systemd = &fake;
        auto& storage = hand->storage();
        for (const char* directory :
             {"/etc", "/etc/marsadm", "/etc/marsadm/systemd-templates", "/run", "/run/systemd", "/run/systemd/system"})
            REQUIRE(storage.make_directory(directory));
        fake.on_job = [this] { open("a", !fake.active.empty()); };
    }
    void add(const std::string& name, const std::string& text) {
        REQUIRE(hand->storage().write_file("/etc/marsadm/systemd-templates/" + name, text));
    }
    void open(const std::string& host, bool is_open) {
        set("resource-r/actual-" + host + "/open-count", is_open ? "1" : "0", 0s);
    }

    FakeSystemd fake;
};

// An application app-r.service on vol-r.mount.
struct Units : WithSystemd {
    Units() {
        add("vol-@escvar{res}.mount", "[Mount]\nWhat=/dev/mars/@{res}\nWhere=/vol/@{res}\n");
        add("app-^{n}.service", "# DEFAULT_START\n[Unit]\nRequires=vol-@escvar{n}.mount\n[Service]\n");
        fake.known = {"app-r.service", "vol-r.mount"};
    }
    void configure(const std::string& want) {
        set("resource-r/systemd-start-unit", "app-r.service");
        set("resource-r/systemd-stop-unit", "vol-r.mount");
        set("resource-r/systemd-want", want);
    }
    // Plays systemd of host b: stops when somebody else is wanted, or fails to.
    void b_follows(bool can_stop) {
        on_tick = [this, can_stop] {
            obey("a");
            obey("b");
            if (r("systemd-want") == "b") return;
            if (can_stop)
                open("b", false);
            else if (r("userspace/systemd-status-stop-b") != "1") {
                set("resource-r/userspace/systemd-users-b", "sleep (pid 417) in /vol/r", 0s);
                set("resource-r/userspace/systemd-status-stop-b", "1", 0s);
            }
        };
    }
    bool exists_unit(const std::string& name) const {
        return hand->storage().status("/run/systemd/system/" + name).has_value();
    }
    std::string errors() const { return output.text(Severity::error); }
};

} // namespace mars::shell::testing
