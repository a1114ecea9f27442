// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/colours.hpp"

#include <catch2/catch.hpp>

using namespace mars::shell;

TEST_CASE("what waits for the operator is red") {
    for (const std::string word : {"HandoverUnfinished", "WantedNotRunning", "WantedElsewhere"})
        CHECK(coloured("r " + word + " dCASFR\n") == "r \x1b[1;31m" + word + "\x1b[0m dCASFR\n");
}

TEST_CASE("state words get colours, everything else stays") {
    CHECK(coloured("  vol1 [2/2] UpToDate Replaying dCASFR Secondary nodea \n") ==
          "  vol1 [2/2] \x1b[32mUpToDate\x1b[0m \x1b[32mReplaying\x1b[0m dCASFR Secondary nodea \n");
    CHECK(coloured("OutDated[FR]") == "\x1b[33mOutDated[FR]\x1b[0m");
    CHECK(coloured("DISK_ERROR=-5[EIO:Input/output_error] Orphan") ==
          "\x1b[1;31mDISK_ERROR=-5[EIO:Input/output_error]\x1b[0m \x1b[1;31mOrphan\x1b[0m");
    CHECK(coloured("OrphanedUpToDate\n\n") == "OrphanedUpToDate\n\n");
    CHECK(coloured("").empty());
}

TEST_CASE("what changed since the last picture is in reverse video") {
    CHECK(with_changes("a b\nc d\n", "a b\nc d\n") == "a b\nc d\n");
    CHECK(with_changes("a b\nc d\n", "a x\nc d\ne\n") == "a \x1b[7mx\x1b[0m\nc d\n\x1b[7me\x1b[0m\n");
    CHECK(with_changes("a  b \n", "a  b \n") == "a  b \n");
    CHECK(with_changes("", "a\n") == "\x1b[7ma\x1b[0m\n");
}
