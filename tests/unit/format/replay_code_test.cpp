// SPDX-License-Identifier: GPL-2.0-or-later
// Replay codes say how a run ended, in the form that scripts know.
#include "kernel/format/replay_code.hpp"

#include <catch2/catch.hpp>

using namespace mars::format;

TEST_CASE("replay codes are written with what is known") {
    CHECK(ReplayCode{}.text() == "0");
    CHECK(ReplayCode{1, 0, {}}.text() == "1");
    CHECK(ReplayCode{-74, -10013, {}}.text() == "-74,-10013");
    CHECK(ReplayCode{-74, -10021, 0xa5}.text() == "-74,-10021,0xa5");
    CHECK(ReplayCode{-74, -10021, 0x05}.text() == "-74,-10021,0x05");
    CHECK(ReplayCode{-74, -10021, 0}.text() == "-74,-10021");
    CHECK(ReplayCode{-5, 0, 0xa5}.text() == "-5");
    CHECK(ReplayCode{0, -10013, {}}.text() == "0");
}

TEST_CASE("replay codes are read") {
    CHECK(ReplayCode::parse("0") == ReplayCode{});
    CHECK(ReplayCode::parse("-74,-10021,0xa5") == ReplayCode{-74, -10021, 0xa5});
    CHECK(ReplayCode::parse("2,-10006") == ReplayCode{2, -10006, {}});
    CHECK(ReplayCode::parse("-74,-10021,0xa5,more") == ReplayCode{-74, -10021, 0xa5});
    for (const char* text : {"", "x", "-74,", "-74,x", "-74,-10021,0x1a5", "-74,-10021,a5", "99999999999"}) {
        INFO(text);
        CHECK_FALSE(ReplayCode::parse(text));
    }
}

TEST_CASE("the end of a scan gives the code of the run") {
    ScanResult stop;
    stop.kind = ScanKind::finished;
    CHECK(ReplayCode::of(stop).text() == "1");
    stop.kind = ScanKind::end_of_file;
    CHECK(ReplayCode::of(stop).text() == "2");
    stop.kind = ScanKind::incomplete;
    stop.code = -11;
    stop.detail = ScanDetail::too_long;
    CHECK(ReplayCode::of(stop).text() == "2,-10006");
    stop.kind = ScanKind::corrupt;
    stop.code = -74;
    stop.detail = ScanDetail::end_magic_repeated;
    stop.byte = 0x66;
    CHECK(ReplayCode::of(stop).text() == "-74,-10021,0x66");
}

TEST_CASE("faults have the names that operators see") {
    CHECK(ReplayCode{-85, 0, {}}.fault() == "IncompleteLog");
    CHECK(ReplayCode{-56, 0, {}}.fault() == "UnInitializedLogRecord");
    CHECK(ReplayCode{-74, 0, {}}.fault() == "DefectiveLog");
    CHECK(ReplayCode{-5, 0, {}}.fault() == "DefectiveLog");
    CHECK(ReplayCode{2, 0, {}}.fault().empty());
}
