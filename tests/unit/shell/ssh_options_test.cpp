// SPDX-License-Identifier: GPL-2.0-or-later
// --ssh-opts, and quoting of remote commands.
#include <catch2/catch.hpp>

#include "shell/ssh/ssh_options.hpp"
#include "shell/words/reason.hpp"

using namespace mars::shell;

TEST_CASE("ssh's own spelling of options is understood") {
    auto all =
        parse_ssh_options("-A -p 2222 -i/root/key -l me -F /etc/x -o ConnectTimeout=3 -oUserKnownHostsFile=/k -q");
    REQUIRE(all);
    CHECK(all->port == 2222);
    CHECK(all->identity_files == std::vector<std::string>{"/root/key"});
    CHECK(all->user == "me");
    CHECK(all->config_file == "/etc/x");
    CHECK(all->connect_timeout_s == 3);
    CHECK(all->known_hosts_file == "/k");
    CHECK_FALSE(all->accept_new_host_keys);
    CHECK(parse_ssh_options("-o StrictHostKeyChecking=accept-new")->accept_new_host_keys);
    CHECK(parse_ssh_options("-o stricthostkeychecking=yes"));
    CHECK(parse_ssh_options(""));
}

TEST_CASE("anything else is refused, above all not checking host keys") {
    for (const char* text : {"-X", "-p", "-p x", "-p 0", "-p 65536", "-o Port", "-o Nonsense=1", "word", "-i",
                             "-o ConnectTimeout=0", "-o StrictHostKeyChecking=no"}) {
        INFO(text);
        auto refused = parse_ssh_options(text);
        REQUIRE_FALSE(refused);
        CHECK(has_reason(refused.error(), "usage.option"));
    }
}

TEST_CASE("words of a remote command arrive as they are") {
    CHECK(shell_command({"marsadm", "view", "a b", "it's", "", "$x;y", "--ip=10.0.0.1"}) ==
          "marsadm view 'a b' 'it'\\''s' '' '$x;y' --ip=10.0.0.1");
}
