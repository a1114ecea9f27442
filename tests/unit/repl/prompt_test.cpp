// SPDX-License-Identifier: GPL-2.0-or-later
// The prompt is green only when nothing waits for the operator.
#include "shell/repl/prompt.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Prompt : Pair {
    Words hosts{"a", "b"}; // whose marsd gives signs of life

    std::string now() {
        alive(hosts);
        auto process = machine.start_process("marsadm");
        Surroundings surroundings{*process, local, remote, output, {}};
        surroundings.verbs = &built_in_verbs();
        LineRunner runner{surroundings, Options(), true};
        return health(runner);
    }
};

} // namespace

TEST_CASE("the prompt is not ok when a line is cut, on neither side") {
    Prompt prompt;
    REQUIRE(prompt.hand->storage().make_directory("/dev/vg"));
    prompt.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    CHECK(prompt.now() == "ok");
    prompt.hosts = {"a"};
    prompt.beating.erase("b");
    prompt.world.run_for(42s);
    CHECK(prompt.now() == "r: no news of b for 42 s");
    prompt.set("resource-r/primary", "a");
    prompt.set("resource-r/actual-a/is-primary", "1");
    prompt.set("resource-r/actual-b/is-primary", "0");
    CHECK(prompt.now() == "r: no news of b for 42 s");
}

TEST_CASE("the prompt names a handover that was not finished, and an application that does not run") {
    Prompt prompt;
    REQUIRE(prompt.hand->storage().make_directory("/dev/vg"));
    prompt.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    CHECK(prompt.now() == "ok");
    prompt.set("resource-r/userspace/handover-b", "b,5,17.4711.0123abcd", 0s);
    prompt.set("resource-r/primary", "(none)", 0s);
    CHECK(prompt.now() == "r HandoverUnderWay");
    prompt.set("resource-r/userspace/handover-b", "b,5,abandoned", 0s);
    CHECK(prompt.now() == "r HandoverUnfinished");
    prompt.set("resource-r/primary", "b", 0s);
    CHECK(prompt.now() == "ok");
    prompt.set("resource-r/systemd-start-unit", "db.service");
    prompt.set("resource-r/systemd-want", "b");
    CHECK(prompt.now() == "r HandoverUnfinished"); // nothing has the device open there
    prompt.set("resource-r/userspace/handover-b", ".deleted", 0s);
    CHECK(prompt.now() == "r WantedNotRunning");
    prompt.set("resource-r/actual-b/open-count", "1", 0s);
    CHECK(prompt.now() == "ok");
    prompt.set("resource-r/systemd-want", "a");
    CHECK(prompt.now() == "r WantedElsewhere");
}
