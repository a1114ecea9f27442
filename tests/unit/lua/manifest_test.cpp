// SPDX-License-Identifier: GPL-2.0-or-later
// A manifest is read completely or refused with the place of the mistake.
#include <catch2/catch.hpp>

#include "lua/manifest.hpp"

using namespace mars;
using namespace mars::lua;

namespace {

std::string trouble(const std::string& text) {
    auto read = parse_manifest("/p/acme", text);
    return read ? "" : read.error().text;
}

} // namespace

TEST_CASE("everything that a manifest may say") {
    auto read = parse_manifest("/p/acme", R"lua(
        return { name = "acme", version = "1.2", summary = "s", main = "code.lua",
          verbs = { ["acme-do"] = { summary = "Does.", resource = "list", changes = true, run = "act",
                    arguments = { { name = "HOST", type = "host", doc = "d" },
                                  { name = "REST", doc = "d", optional = true, repeats = true } } } },
          primitives = { ["acme-x"] = { doc = "d", min_args = 1, max_args = 2, run = "x" } },
          hooks = { ["*.before"] = "ask", ["state.*"] = "tell" },
          tunables = { a = { default = "t", doc = "d" }, b = { default = 5, doc = "d" },
                       c = { default = true, doc = "d" } } })lua");
    REQUIRE(read);
    CHECK(read->version == "1.2");
    CHECK(read->main == "code.lua");
    REQUIRE(read->verbs.size() == 1);
    const auto& verb = read->verbs.front();
    CHECK(verb.function == "act");
    CHECK(verb.row.provider == "plugin acme");
    CHECK((verb.row.flags & shell::kWrites) != 0);
    CHECK(verb.row.arguments[0].type == shell::ArgumentType::host);
    CHECK(verb.row.arguments[0].required);
    CHECK(verb.row.arguments[1].repeats);
    CHECK(read->primitives.front().max_args == 2);
    CHECK(read->hooks[0].pattern == "*.before");
    CHECK(read->tunables[1].type == Tunable::Type::number);
    CHECK(read->tunables[2].value == "1");
}

TEST_CASE("a mistake is told with its place") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"return {", "/p/acme/plugin.lua:1: "},
        {"return 5", "must return a table"},
        {"return {version='1'}", "name must be a string"},
        {"return {name='other', version='1'}", "the directory is called 'acme'"},
        {"return {name='acme', version=1}", "version must be a string"},
        {"return {name='acme', version='1', verb={}}", "unknown field verb of a plugin, did you mean verbs?"},
        {"return {name='acme', version='1', verbs={x={run='x'}}}", "verbs[\"x\"].summary must be a string"},
        {"return {name='acme', version='1', verbs={x={summary='s', run='x', resource='all'}}}",
         "verbs[\"x\"].resource must be none, one, list or optional"},
        {"return {name='acme', version='1', verbs={x=5}}", "verbs[\"x\"] must be a table"},
        {"return {name='acme', version='1', hooks={'x'}}", "the keys of hooks must be names"},
        {"return {name='acme', version='1', tunables={x={doc='d', default={}}}}",
         "tunables[\"x\"].default must be a string, number or boolean"},
        {"return {name='acme', version='1', primitives={x={doc='d', min_args=2, max_args=1, run='x'}}}",
         "primitives[\"x\"].max_args must be at least min_args"},
        {"print('x')", "global 'print'"},
        {"while true do end", "must not compute for long"},
        {"\27Lua", "plugin.lua"},
    };
    for (const auto& [text, part] : cases) {
        INFO(text);
        CHECK(trouble(text).find(part) != std::string::npos);
    }
}

TEST_CASE("a tunable takes only values of its type") {
    Tunable number{"n", Tunable::Type::number, "1", ""};
    CHECK(set_tunable(number, "2.5", "conf"));
    CHECK(number.value == "2.5");
    CHECK_FALSE(set_tunable(number, "much", "conf"));
    Tunable flag{"f", Tunable::Type::boolean, "0", ""};
    CHECK(set_tunable(flag, "true", "conf"));
    CHECK(flag.value == "1");
    CHECK(set_tunable(flag, "maybe", "conf").error().text == "conf: f must be true or false, found 'maybe'");
}
