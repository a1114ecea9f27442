// SPDX-License-Identifier: GPL-2.0-or-later
// What is said of a command on another host that was told to stop.
#include "shell/ssh/remote_end.hpp"

#include <catch2/catch.hpp>

using namespace mars::shell;

TEST_CASE("the status of a command that was told to stop counts, unless it only says that it was") {
    const std::vector<std::string> verb{"marsadm", "primary", "db"}, other{"sh", "-c", "exit 6"};
    for (int status : {0, 1, 5}) {
        CHECK(is_own_end(verb, status));
        CHECK(is_own_end(other, status));
    }
    CHECK_FALSE(is_own_end(verb, 6)); // interrupted
    CHECK(is_own_end(other, 6));
    for (const auto& argv : {verb, other}) CHECK_FALSE(is_own_end(argv, 128 + 15));
}

TEST_CASE("the last words of a command are its phase, its last line, and its last complaint") {
    CHECK(last_words("", "").empty());
    CHECK(last_words("  \n", "\n").empty());
    CHECK(last_words("answer\n", "") == "; it said last there: 'answer'");
    CHECK(last_words("phase 3: wait\nphase 4: call off\n", "") == "; it said last there: 'phase 4: call off'");
    CHECK(last_words("phase 8: designate\nresource r: it is so\n",
                     "warning: late\nwarning: interrupted beyond the point of no return\n\n") ==
          "; it said last there: 'phase 8: designate', 'resource r: it is so', "
          "'warning: interrupted beyond the point of no return'");
    CHECK(last_words("", "a\x1b[2Jb\r\n") == "; it said last there: 'a [2Jb '");
    CHECK(last_words("", std::string(1000, 'x')).size() < 250);
}

TEST_CASE("a verb may be beyond its point of no return, so nobody claims that it gives back") {
    CHECK(unheard_course({"marsadm", "primary", "db"}).find("goes on to its end") != std::string::npos);
    CHECK(unheard_course({"sleep", "7"}).find("killed") != std::string::npos);
}
