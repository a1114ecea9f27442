// SPDX-License-Identifier: GPL-2.0-or-later
// Whoever gives a command may be killed: marsd beside it says so, to everybody, also after a crash of the whole host.
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

namespace {

const char* const kNote = "userspace/handover-hostb";

// As marsadm on hostb leaves it when it is killed after nobody was designated.
void leave_note(Situation& s) {
    auto& host = s.host(1);
    auto hand = host.machine.start_process("hand");
    REQUIRE(hand->storage().make_directory(path_of("userspace")));
    REQUIRE(hand->storage().write_symlink(path_of(kNote), path_of("userspace/.tmp-note"), "hostb,5,17.4711.0123abcd",
                                          host.machine.real_time()));
}

bool is_abandoned_everywhere(Situation& s) {
    return s.key(0, kNote) == "hostb,5,abandoned" && s.key(1, kNote) == "hostb,5,abandoned";
}

} // namespace

TEST_CASE("a handover whose command was killed is told on every host, until it is decided") {
    Situation s;
    REQUIRE(s.run_verb(s.host(0), {"secondary", kResource}).exit == 0);
    leave_note(s);
    REQUIRE(s.eventually([&] { return is_abandoned_everywhere(s); }));
    const auto shown = s.run_verb(s.host(0), {"view-replstate", kResource});
    CHECK(shown.answer == "HandoverUnfinished\n");
    REQUIRE(s.run_verb(s.host(1), {"primary", kResource}).exit == 0);
    CHECK(s.eventually([&] { return s.key(0, kNote).empty() && s.key(1, kNote).empty(); }));
}

TEST_CASE("a host that crashed in the middle of a handover says so when it is back") {
    Situation s;
    REQUIRE(s.run_verb(s.host(0), {"secondary", kResource}).exit == 0);
    s.cluster.kill(s.host(1));
    leave_note(s);
    s.cluster.boot(s.host(1));
    CHECK(s.eventually([&] { return is_abandoned_everywhere(s); }));
}
