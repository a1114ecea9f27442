// SPDX-License-Identifier: GPL-2.0-or-later
// The man page in the repository is the one that the tables make.
#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "shell/command/options.hpp"
#include "shell/terminal/help.hpp"
#include "shell/verbs/verb_table.hpp"

using namespace mars::shell;

TEST_CASE("docs/man/marsadm.8 is up to date (marsadm help-man > docs/man/marsadm.8)") {
    std::ifstream file(MARS_SOURCE_DIR "/docs/man/marsadm.8");
    std::stringstream content;
    content << file.rdbuf();
    CHECK((content.str() == man_page(built_in_verbs())));
}

TEST_CASE("no line of the help is longer than a wide terminal") {
    auto check = [](const std::string& text) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= 130);
        }
    };
    check(overview(kNotInThisVersion, built_in_verbs()));
    for (const auto* verb : all_verbs()) check(verb_help(*verb));
}

TEST_CASE("help keeps to the width of the reader's terminal") {
    auto longest = [](const std::string& text) {
        std::size_t most = 0;
        for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
            most = std::max(most, text.find('\n', begin) - begin);
        return most;
    };
    CHECK(longest(overview(0, built_in_verbs(), 60)) <= 60);
    CHECK(longest(verb_help(*built_in_verbs().find_built_in("primary"), 60)) <= 60);
    CHECK(longest(overview(0, built_in_verbs(), 1000)) <= 100);
}

TEST_CASE("the help of a verb tells its options, arguments and refusals") {
    auto text = verb_help(*built_in_verbs().find_built_in("join-resource"));
    for (const char* part : {"Usage: marsadm [OPTION...] join-resource RES DISK [NAME [SIZE]]", "absolute path",
                             "--force, -f", "[disk.toosmall]", "(--force: warning)", "marsd must run"})
        CHECK(text.find(part) != std::string::npos);
    CHECK(verb_help(*built_in_verbs().find_built_in("pause-fetch")).find("Also: pause-fetch-local, disconnect") !=
          std::string::npos);
    CHECK(verb_help(*built_in_verbs().find_built_in("resize")).find("Not in this version.") != std::string::npos);
}
