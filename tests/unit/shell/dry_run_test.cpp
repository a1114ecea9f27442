// SPDX-License-Identifier: GPL-2.0-or-later
// Dry runs of all verbs that write or wait: none waits for long, or writes anything.
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

std::string sample(ArgumentType type) {
    switch (type) {
    case ArgumentType::resource:
        return "r";
    case ArgumentType::host:
    case ArgumentType::who:
        return "b";
    case ArgumentType::address:
        return "10.0.0.2";
    case ArgumentType::disk:
        return "/dev/vg/x";
    case ArgumentType::device:
        return "x";
    case ArgumentType::size:
        return "1048576";
    case ArgumentType::condition:
        return "primary";
    case ArgumentType::verb:
        return "view";
    case ArgumentType::text:
        return "1";
    }
    return "1";
}

Words line_of(const Verb& verb) {
    Words words{std::string(verb.name)};
    if (verb.resource != ResourceArgument::none) words.push_back(verb.has(kNoResourceCheck) ? "n" : "r");
    for (const auto& argument : verb.arguments)
        if (argument.required) words.push_back(sample(argument.type));
    words.push_back("--dry-run");
    return words;
}

// Whoever hears nothing of b, which has just fallen silent, would wait for half a window.
constexpr auto kSilent = "silent";

bool concerns(const Verb& verb) {
    const bool is_tool = verb.family == Family::script || verb.family == Family::macro || verb.family == Family::view;
    const bool waits = verb.family == Family::wait;
    return verb.is_built() && !is_tool && (verb.has(kWrites) || verb.has(kDestroys) || waits);
}

} // namespace

TEST_CASE("a dry run of any verb ends in seconds, and changes nothing") {
    int count = 0, succeeded = 0;
    for (const auto& verb : all_verbs()) {
        if (!concerns(*verb)) continue;
        for (const std::string switches : {"1", "0", kSilent}) { // what the verb switches may be so already
            Pair site;                                           // marsd does not react to anything
            if (switches == kSilent) site.beating.erase("b");
            site.set("resource-r/systemd-start-unit", "app-r.service");
            site.set("resource-r/systemd-stop-unit", "app-r.service");
            site.set("resource-r/systemd-want", "b");
            for (const char* name : {"attach", "connect", "sync", "allow-replay"})
                site.set(std::string("resource-r/todo-a/") + name, switches == kSilent ? "1" : switches);
            auto line = line_of(*verb);
            if (verb->name == "primary" || verb->name == "secondary") line.emplace_back("--now");
            const auto before = site.snapshot();
            const auto begin = site.world.now();
            const auto result = site.run(line);
            INFO(Site::join(line) << ", exit " << result.exit << "\n"
                                  << site.output.text(Severity::error) << site.output.text(Severity::info));
            CHECK(site.world.now() - begin < 10s);
            CHECK(Site::difference(before, site.snapshot()) == "");
            CHECK((result.exit != 3 ||
                   switches == kSilent)); // a timeout; who is silent keeps some verbs from doing anything
            for (const char* claim : {"designated primary:", "is there", "is gone"})
                CHECK_THAT(site.output.text(Severity::info), !Catch::Contains(claim));
            ++count;
            succeeded += result.exit == 0 && switches != kSilent ? 1 : 0;
        }
    }
    CHECK(count > 40);
    CHECK(succeeded > 30); // not just refused
}
