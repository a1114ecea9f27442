// SPDX-License-Identifier: GPL-2.0-or-later
// A tree without room for another link: no verb says that it has done what it could not write, and each says what to
// do.
#include "tests/unit/shell/units_fixture.hpp"

#include <iterator>
#include <sstream>

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Full : Units {
    Full() { both_obey(); }
    // From now on nothing that a verb writes finds room; what the test plays as marsd does.
    void fill() {
        machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) -> std::optional<int> {
            const bool is_of_verb =
                path.find("/todo-") != path.npos || path.find("systemd-") != path.npos || path.ends_with("ask");
            const bool is_new = operation == env::sim::Operation::symlink || operation == env::sim::Operation::create;
            return is_of_verb && is_new ? std::optional(ENOSPC) : std::nullopt;
        };
    }
    void expect_told(const Words& words) {
        const auto before = snapshot();
        const auto result = run(words);
        INFO(join(words) << "\n" << output.text(Severity::info) << errors());
        CHECK(result.exit == 4);
        CHECK_THAT(errors(), Catch::Contains("host a: ") && Catch::Contains("/mars/") &&
                                 Catch::Contains("; next: make room (df -h /mars; df -i /mars") &&
                                 Catch::Contains("[sys.nospace]"));
        for (const auto* claim : {"is switched", "is wanted on", "runs; to leave", "does not care"})
            CHECK(output.text(Severity::info).find(claim) == std::string::npos);
        CHECK(difference(before, snapshot()) == "");
        for (const auto& outcome : result.outcomes) CHECK(outcome.changed == Words{});
    }
};

} // namespace

TEST_CASE("without room in the tree no verb says that it has done what it was asked for") {
    Full site;
    site.configure("b");
    site.fill();
    for (const auto* words :
         {"pause-replay r", "pause-fetch r", "pause-sync r", "down r", "primary r",
          "set-systemd-unit r app-r.service vol-r.mount", "set-systemd-want r (none)", "wait-cluster"}) {
        std::istringstream text{std::string(words)};
        site.expect_told({std::istream_iterator<std::string>(text), {}});
    }
}

TEST_CASE("a handover that would stop half-way for want of inodes or blocks does not begin") {
    for (const bool lacks_inodes : {true, false}) {
        Full site;
        site.configure("b");
        auto& filesystem = site.machine.filesystem();
        const auto used = filesystem.used_below("/mars");
        const auto bytes = lacks_inodes ? 0 : (used.blocks + 4) * 4096;
        filesystem.set_capacity("/mars", bytes, lacks_inodes ? used.inodes + 4 : 0);
        CHECK(site.run({"primary", "r"}).exit == 4);
        INFO(site.errors());
        CHECK_THAT(site.errors(),
                   Catch::Contains("on host a, only ") &&
                       Catch::Contains(lacks_inodes ? " inodes are free in /mars" : " are free in /mars") &&
                       Catch::Contains("; next: make room (df -h /mars; df -i /mars") &&
                       Catch::Contains("[sys.nospace]"));
        CHECK(site.get("resource-r/primary") == "b");
    }
}

TEST_CASE("what a verb has done is said once it is written, and nothing in a dry run") {
    Full site;
    site.succeed({"pause-replay", "r"});
    CHECK_THAT(site.output.text(Severity::info), Catch::Contains("allow-replay is switched off at host a"));
    site.succeed({"--dry-run", "pause-fetch", "r"});
    CHECK(site.output.text(Severity::info).find("is switched") == std::string::npos);
}
