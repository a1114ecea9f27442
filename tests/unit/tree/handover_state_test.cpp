// SPDX-License-Identifier: GPL-2.0-or-later
// What everybody says of a handover and of an application that stand between two hosts.
#include "kernel/tree/handover_state.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/map_view.hpp"

using namespace mars;
using namespace mars::tree;

namespace {

constexpr Stamp kThen{1'700'000'000, 0}, kLater{1'700'000'005, 0}, kNow{1'700'000'012, 0};

// hosta is primary, its application runs; hostb is to take over.
struct Scene : test::MapView {
    Scene() {
        key("primary", "hosta");
        key("systemd-want", "hosta");
        key("systemd-start-unit", "db.service");
        device("hosta", true, 1);
        device("hostb", false, 0);
    }
    void key(const std::string& name, const std::string& value, Stamp stamp = kThen) {
        set("resource-r/" + name, value, stamp);
    }
    void device(const std::string& host, bool is_primary, int open) {
        key("actual-" + host + "/is-primary", is_primary ? "1" : "0");
        key("actual-" + host + "/if-on", is_primary ? "1" : "0");
        key("actual-" + host + "/open-count", std::to_string(open));
    }
    Handover handover() const {
        return find_handover(*this, "r", [this](const std::string&) { return is_heard; });
    }
    std::string word() const { return std::string(word_of(handover())); }
    std::string said() const { return sentence_of(handover(), "r", kNow); }
    Application application() const { return find_application(*this, "r"); }
    std::string application_word() const { return std::string(word_of(application())); }

    bool is_heard = true;
};

} // namespace

TEST_CASE("a handover is under way while its program lives, and unfinished when it is gone") {
    Scene s;
    CHECK(s.word() == "");
    CHECK(s.said() == "");
    s.key("primary", "(none)");
    s.key("userspace/handover-hostb", "hostb,5,17.4711.0123abcd");
    CHECK(s.word() == "HandoverUnderWay");
    CHECK(s.said() == "a handover to hostb is under way (phase 5, since 12 s)");
    s.is_heard = false;
    CHECK(s.word() == "HandoverUnfinished");
    CHECK(s.said() == "a handover to hostb was not finished (phase 5), as far as is known: nothing is heard of hostb, "
                      "where the command was given; next: marsadm primary r on hostb, or, if that host is lost, on "
                      "another member");
    s.is_heard = true;
    s.key("userspace/handover-hostb", "hostb,5,abandoned");
    CHECK(s.word() == "HandoverUnfinished");
    CHECK(s.said() == "a handover to hostb was not finished (phase 5); next: marsadm primary r on hostb");
    s.key("userspace/handover-hostb", "hostb,x,abandoned");
    CHECK(s.word() == "");
    s.key("userspace/handover-hostb", ".deleted");
    CHECK(s.word() == "");
}

TEST_CASE("of several handovers that which is under way counts, then the newest") {
    Scene s;
    s.key("primary", "(none)");
    s.key("userspace/handover-hosta", "hosta,4,17.4711.0123abcd");
    s.key("userspace/handover-hostb", "hostb,5,abandoned", kLater);
    CHECK(s.handover().host == "hosta");
    s.key("userspace/handover-hosta", "hosta,4,abandoned");
    CHECK(s.handover().host == "hostb");
}

TEST_CASE("a note whose handover is decided is of no use") {
    Scene s;
    s.key("userspace/handover-hostb", "hostb,3,abandoned");
    CHECK(s.word() == ""); // given back: the application runs at the old primary
    s.key("systemd-want", "hostb");
    CHECK(s.word() == "HandoverUnfinished");
    s.key("primary", "hostb", kLater);
    s.device("hosta", false, 0);
    CHECK(s.word() == "HandoverUnfinished"); // no device yet
    s.device("hostb", true, 0);
    CHECK(s.word() == "HandoverUnfinished"); // no application yet
    s.device("hostb", true, 1);
    CHECK(s.word() == "");
    s.key("primary", "hostc", kLater); // a third one, whatever its state
    CHECK(s.word() == "");
    s.key("primary", "(none)", kLater);
    CHECK(s.word() == "HandoverUnfinished");
    s.key("primary", "hosta"); // from before the note: not decided
    CHECK(s.word() == "HandoverUnfinished");
}

TEST_CASE("without an application a handover is finished by the role alone") {
    Scene s;
    s.key("systemd-want", "(none)");
    s.key("primary", "hostb", kLater);
    s.key("userspace/handover-hostb", "hostb,8,abandoned");
    CHECK(s.word() == "HandoverUnfinished");
    s.device("hostb", true, 0);
    CHECK(s.word() == "");
    CHECK(s.application_word() == "");
}

TEST_CASE("who parks an application that nobody is primary for has decided: nothing is left to be finished") {
    Scene s;
    s.key("primary", "(none)", kLater);
    s.key("systemd-want", "hostb");
    s.key("userspace/handover-hostb", "hostb,5,abandoned");
    CHECK(s.word() == "HandoverUnfinished");
    s.key("systemd-want", "(none)"); // so it was before
    CHECK(s.word() == "HandoverUnfinished");
    s.key("systemd-want", "(none)", kLater);
    CHECK(s.word() == "");
    s.key("systemd-start-unit", ".deleted"); // without an application, it was about the role alone
    CHECK(s.word() == "HandoverUnfinished");
}

TEST_CASE("an application that is wanted and does not run is told") {
    Scene s;
    CHECK(s.application_word() == "Running");
    CHECK(sentence_of(s.application(), "r") == "");
    s.device("hosta", true, 0);
    CHECK(s.application_word() == "WantedNotRunning");
    CHECK(sentence_of(s.application(), "r") ==
          "the application is wanted on hosta, but nothing there has the device open; next: systemctl status "
          "db.service on hosta, then marsadm systemd-trigger r there");
    s.device("hosta", true, 1);
    s.key("userspace/systemd-status-start-hosta", "1");
    CHECK(s.application_word() == "WantedNotRunning"); // of several units one has failed
    CHECK(sentence_of(s.application(), "r").find("its start there has failed") != std::string::npos);
    s.key("userspace/systemd-status-start-hosta", "0");
    s.device("hosta", false, 0);
    CHECK(sentence_of(s.application(), "r").find("its device is not there") != std::string::npos);
    s.key("primary", "(none)");
    CHECK(sentence_of(s.application(), "r") ==
          "the application is wanted on hosta, but no host is primary; next: marsadm primary r on hosta");
    s.key("primary", "hosta");
    const auto nobody = [](const std::string&) { return false; };
    CHECK(word_of(find_application(s, "r", nobody)) == "Unknown"); // what is known of it is old
    s.device("hosta", true, 1);
    CHECK(word_of(find_application(s, "r", nobody)) == "Unknown");
    s.key("systemd-start-unit", ".deleted");
    CHECK(s.application_word() == "");
}

TEST_CASE("an application whose unit has ended is told, though its device is in use") {
    Scene s;
    s.key("userspace/systemd-application-hosta", "active");
    CHECK(s.application_word() == "Running");
    for (const std::string state : {"inactive", "failed", "activating"}) {
        s.key("userspace/systemd-application-hosta", state);
        CHECK(s.application_word() == "WantedNotRunning");
        CHECK(sentence_of(s.application(), "r") ==
              "the application is wanted on hosta, but db.service there is " + state +
                  "; next: systemctl status db.service on hosta, then marsadm systemd-trigger r there");
    }
    s.key("systemd-start-unit", "vol-r.mount"); // mounted by hand
    CHECK(s.application_word() == "Running");
    s.device("hosta", true, 0);
    CHECK(s.application_word() == "WantedNotRunning");
    s.device("hosta", true, 1);
    s.key("systemd-start-unit", "db.service");
    // Somebody has started it by hand, after our start had failed.
    s.key("userspace/systemd-status-start-hosta", "1");
    s.key("userspace/systemd-application-hosta", "active", kLater);
    CHECK(s.application_word() == "Running");
    s.key("userspace/systemd-application-hosta", "active");
    s.key("userspace/systemd-status-start-hosta", "1", kLater);
    CHECK(s.application_word() == "WantedNotRunning");
}

TEST_CASE("an application that is wanted beside the primary is told") {
    Scene s;
    s.key("systemd-want", "hostb");
    CHECK(s.application_word() == "WantedElsewhere");
    CHECK(sentence_of(s.application(), "r") ==
          "the application is wanted on hostb, but hosta is primary; next: marsadm primary r on hostb, or marsadm "
          "set-systemd-want r hosta");
}
