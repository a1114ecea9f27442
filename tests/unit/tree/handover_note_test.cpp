// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/handover_note.hpp"

#include <catch2/catch.hpp>

using namespace mars::tree;

TEST_CASE("a handover note is read as it was written") {
    HandoverNote note;
    note.to = "hostB";
    note.phase = 5;
    note.process = own_process_identity();
    const auto read = HandoverNote::parse(note.text());
    REQUIRE(read);
    CHECK(read->to == "hostB");
    CHECK(read->phase == 5);
    CHECK(read->process == note.process);
    CHECK_FALSE(read->is_abandoned);
    note.is_abandoned = true;
    CHECK(note.text() == "hostB,5,abandoned");
    CHECK(HandoverNote::parse(note.text())->is_abandoned);
    CHECK(HandoverNote::key_name("hostB") == "userspace/handover-hostB");
}

TEST_CASE("nonsense is no handover note") {
    for (const char* text : {"", "a", "a,5", "a,5,", "a,5,1", "a,5,1.2", "a,5,1.2.", "a,x,1.2.b", ",5,1.2.b",
                             "a,-1,1.2.b", "a,100,1.2.b", "a,5,x.2.b", "a,5,1.x.b", "a b,5,abandoned", "a,5,Abandoned"})
        CHECK_FALSE(HandoverNote::parse(text));
}

TEST_CASE("a process is known by more than its number") {
    const auto own = own_process_identity();
    CHECK(is_process_alive(own));
    CHECK_FALSE(is_process_alive(own + "x"));
    CHECK_FALSE(is_process_alive(own.substr(0, own.find('.')) + ".1." + own.substr(own.rfind('.') + 1)));
    CHECK_FALSE(is_process_alive("2147483647.1.00000000"));
    CHECK_FALSE(is_process_alive(""));
}
