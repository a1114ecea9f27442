// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: options anywhere, verbs, arguments, usage errors. Spec: verbs 1.1, 1.2, 1.4.
#include <catch2/catch.hpp>

#include "shell/command/command_line.hpp"
#include "shell/verbs/verb_table.hpp"
#include "shell/words/reason.hpp"

using namespace mars;
using namespace mars::shell;
using namespace std::chrono_literals;

namespace {

Request parse(const std::vector<std::string>& words) {
    auto request = parse_command_line(words, {}, built_in_verbs());
    if (!request) FAIL(request.error().text);
    return std::move(*request);
}

std::string reason(const std::vector<std::string>& words) {
    auto request = parse_command_line(words, {}, built_in_verbs());
    return request ? "none" : std::string(reason_of(request.error()).name);
}

std::string text(const std::vector<std::string>& words) {
    auto request = parse_command_line(words, {}, built_in_verbs());
    return request ? "none" : request.error().text;
}

} // namespace

TEST_CASE("options may stand anywhere, the later one wins") {
    auto request = parse({"--timeout=5", "primary", "-v", "mydata", "--timeout=7"});
    CHECK(request.verb->name == "primary");
    CHECK(request.resources == "mydata");
    CHECK(request.options.timeout == Duration(7s));
    CHECK(request.options.verbose == 1);
}

TEST_CASE("options carry their values") {
    auto request = parse({"view", "--timeout=-1", "--window=30", "--threshold=1.5k", "--ip=10.1.2.3",
                          "--ip-other=10.1.2.4", "--host=there", "--ssh_port=2222", "--ssh-opts=-p 22 -o User=me",
                          "--macro=a\\nb", "-f", "-d", "--verbose=-2", "--root=/tmp/x/", "--ssh-accept-new",
                          "--strict-wait", "--keep-backups=3", "--ignore-sync", "--window = 31"});
    const auto& o = request.options;
    CHECK(o.timeout == std::nullopt);
    CHECK(o.window == Duration(31s));
    CHECK(o.threshold == 1500);
    CHECK(o.ip == "10.1.2.3");
    CHECK(o.ips.at("other") == "10.1.2.4");
    CHECK(o.host == "there");
    CHECK(o.ssh_port == 2222);
    CHECK(o.ssh_opts == "-p 22 -o User=me");
    CHECK(o.macro == "a\nb");
    CHECK(o.force == 1);
    CHECK(o.dry_run == 1);
    CHECK(o.verbose == -2);
    CHECK(o.root == "/tmp/x");
    CHECK(o.ssh_accept_new);
    CHECK(o.strict_wait);
    CHECK(o.keep_backup_hours == 3);
    CHECK(o.ignore_sync == 1);
    CHECK(parse({"view", "--no-ssh"}).options.ssh_port == 0);
}

TEST_CASE("malformed and unknown options are refused before anything runs") {
    for (const char* word : {"--timeout",
                             "--timeout=",
                             "--timeout=x",
                             "--timeout=-2",
                             "--timeout=1.5",
                             "--window=0",
                             "--threshold=big",
                             "--ip=10.1.2",
                             "--ip=10.1.2.256",
                             "--ip=::1",
                             "--ip-a.b=1.2.3.4",
                             "--ip-=1.2.3.4",
                             "--host=",
                             "--host=a.b",
                             "--ssh-port=65536",
                             "--ssh-opts=-X",
                             "--ssh-opts=-o StrictHostKeyChecking=no",
                             "--force=1",
                             "--nonsense",
                             "--tim=5",
                             "-x",
                             "-vv",
                             "--root=relative",
                             "--root=/a/../b",
                             "--verbose=much",
                             "--parallel=x",
                             "--systemd-enable=2",
                             "--macro"}) {
        INFO(word);
        CHECK(reason({"view", word}) == "usage.option");
    }
    CHECK(text({"view", "--timeot=5"}).find("did you mean --timeout?") != std::string::npos);
}

TEST_CASE("options without effect are accepted and pointed out") {
    auto request = parse({"view", "--singlestep", "--logger=/bin/true"});
    REQUIRE(request.notes.size() == 2);
    CHECK(request.notes[0].find("--singlestep has no effect in this version") != std::string::npos);
}

TEST_CASE("force- in front of a verb is one more --force") {
    auto request = parse({"force-leave-resource", "force-x"});
    CHECK(request.verb->name == "leave-resource");
    CHECK(request.options.force == 1);
    CHECK(request.resources == "force-x");
}

TEST_CASE("unknown verbs are refused, with the closest one") {
    CHECK(reason({"primry", "x"}) == "usage.verb");
    CHECK(text({"primry", "x"}).find("did you mean 'primary'?") != std::string::npos);
    CHECK(text({"creat-resource"}).find("did you mean 'create-resource'?") != std::string::npos);
    CHECK(text({"macro", "lst"}).find("did you mean 'macro-list'? All verbs: marsadm help") != std::string::npos);
    CHECK(text({"xyzzy"}).find("'xyzzy'; all verbs: marsadm help") != std::string::npos);
    CHECK(reason({}) == "usage.verb");
    CHECK(text({"xyzzy"}).find("did you mean") == std::string::npos);
}

TEST_CASE("aliases and families of names lead to their verb") {
    CHECK(parse({"disconnect", "r"}).verb->name == "pause-fetch");
    CHECK(parse({"connect-all", "r"}).verb->name == "resume-fetch-global");
    CHECK(parse({"log-delete", "r"}).verb->name == "log-delete-all");
    CHECK(parse({"view-replstate", "r"}).spelling == "view-replstate");
    CHECK(parse({"h"}).verb->name == "help");
    CHECK(parse({"primary", "--help"}).verb->name == "help");
    CHECK(parse({"primary", "--help"}).arguments == std::vector<std::string>{"primary"});
    CHECK(parse({"--version"}).verb->name == "version");
    CHECK(parse({"prettyprint-default"}).verb->name == "prettyprint");
}

TEST_CASE("arguments are counted and checked") {
    CHECK(reason({"primary"}) == "usage.arg");
    CHECK(reason({"primary", "a", "b"}) == "usage.arg");
    CHECK(reason({"primary", "a,b"}) == "none");
    CHECK(reason({"primary", "a,,b"}) == "usage.arg");
    CHECK(reason({"primary", ",a"}) == "usage.arg");
    CHECK(reason({"primary", "a,"}) == "usage.arg");
    CHECK(reason({"primary", "all"}) == "none");
    CHECK(reason({"primary", "my.data"}) == "name.syntax");
    CHECK(reason({"primary", "-x"}) == "usage.option");
    CHECK(reason({"primary", std::string(63, 'x')}) == "none");
    CHECK(reason({"primary", std::string(64, 'x')}) == "name.length");
    CHECK(reason({"create-resource", "all", "/dev/x"}) == "usage.arg");
    CHECK(reason({"create-resource", "a,b", "/dev/x"}) == "name.syntax");
    CHECK(reason({"create-resource", "r"}) == "usage.arg");
    CHECK(reason({"create-resource", "r", "/dev/x", "bad/name"}) == "name.syntax");
    CHECK(reason({"create-resource", "r", "/dev/x", "name", "1G", "more"}) == "usage.arg");
    CHECK(reason({"join-cluster"}) == "usage.arg");
    CHECK(reason({"join-cluster", "host.domain"}) == "name.syntax");
    CHECK(reason({"join-cluster", "host", "10.0.0"}) == "usage.arg");
    CHECK(reason({"wait-resource", "r"}) == "usage.arg");
    CHECK(reason({"cron"}) == "none");
    CHECK(reason({"view"}) == "none");
    CHECK(reason({"--", "view"}) == "none");
    CHECK(text({"primary"}).find("usage: marsadm primary RES|LIST|all") != std::string::npos);
}

TEST_CASE("verbs of later versions are known whatever their arguments") {
    CHECK(reason({"resize", "r", "1G", "and", "more"}) == "none");
    CHECK_FALSE(parse({"resize"}).verb->is_built());
}
