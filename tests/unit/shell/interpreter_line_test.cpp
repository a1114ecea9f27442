// SPDX-License-Identifier: GPL-2.0-or-later
// A script that cannot be started says what is wrong with its first line.
#include "fixture.hpp"

#include "shell/local/interpreter_line.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("the first line of a script that cannot be started is explained") {
    Site site;
    auto trouble = [&](const std::string& text) {
        REQUIRE(site.hand->storage().write_file("/srv/hook", text));
        return interpreter_trouble(site.hand->storage(), "/srv/hook");
    };
    REQUIRE(site.hand->storage().make_directory("/bin"));
    REQUIRE(site.hand->storage().write_file("/bin/sh", ""));
    CHECK(trouble("#!/bin/sh\nexit 0\n").empty());
    CHECK(trouble("#! /bin/sh -e\nexit 0\n").empty());
    CHECK(trouble("\x7f"
                  "ELF")
              .empty());
    CHECK(trouble("#!/bin/sh\r\nexit 0\r\n") ==
          "; its first line names /bin/sh\\r: the file has CRLF line ends; next: sed -i 's/\\r$//' /srv/hook");
    CHECK(trouble("#!/bin/zsh -e\n") == "; its first line names /bin/zsh, which does not exist");
    CHECK(trouble("\xef\xbb\xbf#!/bin/sh\n").starts_with("; it begins with a byte order mark; next: sed -i "));
    CHECK(interpreter_trouble(site.hand->storage(), "/srv/nothing").empty());
}
