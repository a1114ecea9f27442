// SPDX-License-Identifier: GPL-2.0-or-later
// What Tab offers at the end of a line, from the tables and the tree.
#include "shell/repl/completion.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Prompt : Pair {
    Completions at(const std::string& line) { return complete(runner, line); }
    Words words(const std::string& line) { return at(line).words; }
    bool offers(const std::string& line, const std::string& word) {
        auto found = words(line);
        return std::find(found.begin(), found.end(), word) != found.end();
    }

    std::unique_ptr<env::sim::Process> process = machine.start_process("marsadm");
    Surroundings surroundings{*process, local, remote, output, {}, nullptr, nullptr, &built_in_verbs()};
    LineRunner runner{surroundings, Options(), true};
};

} // namespace

TEST_CASE("verbs, options, resources and hosts are completed where they may stand") {
    Prompt prompt;
    CHECK(prompt.words("pause-re") == Words{"pause-replay", "pause-replay-global"});
    CHECK(prompt.offers("", "create-cluster"));
    CHECK(prompt.offers("wat", "watch"));
    CHECK_FALSE(prompt.offers("", "cluster-identity")); // internal
    CHECK(prompt.words("--time") == Words{"--timeout="});
    CHECK_FALSE(prompt.at("--time").ends_word);
    CHECK(prompt.words("primary r --ignore-s") == Words{"--ignore-sync"});
    CHECK(prompt.words("--host=") == Words{"--host=a", "--host=b"});
    CHECK(prompt.words("primary ") == Words{"all", "r"});
    CHECK(prompt.words("primary --force ") == Words{"all", "r"});
    CHECK(prompt.words("primary r,") == Words{"r,r"});
    CHECK(prompt.words("use ") == Words{"r"});
    CHECK(prompt.words("help join-r") == Words{"join-resource"});
    CHECK(prompt.words("join-cluster ") == Words{"a", "b"});
    CHECK(prompt.words("plugins ") == Words{"check", "list"});
    CHECK(prompt.words("no-such-verb ").empty());
}

TEST_CASE("macros, Lua and other hosts") {
    Prompt prompt;
    CHECK(prompt.offers("view-", "view-default"));
    CHECK(prompt.offers("view-get-pri", "view-get-primary"));
    CHECK(prompt.offers("%{res} %get-pri", "%get-primary{"));
    CHECK(prompt.at("%{res} %get-pri").start == 7);
    CHECK(prompt.words("=mars.resu").size() > 1);
    CHECK(prompt.offers("=print(mars.pau", "mars.pause_fetch"));
    CHECK(prompt.offers("lua string.for", "string.format"));
    CHECK(prompt.words("=no.such.thing.").empty());
    CHECK(prompt.words("@") == Words{"@a", "@all", "@b", "@r"});
    CHECK(prompt.words("@all invali") == Words{"invalidate"});
    CHECK(prompt.words("watch view-get-primary ") == Words{"all", "r"});
    CHECK(prompt.words("!ls ").empty());
}
