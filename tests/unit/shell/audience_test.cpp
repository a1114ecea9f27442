// SPDX-License-Identifier: GPL-2.0-or-later
// Which commands end when nobody reads what they print, and which give JSON.
#include "fixture.hpp"
#include "shell/terminal/audience.hpp"
#include "shell/verbs/verb_table.hpp"

using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("commands that only tell end with their reader, others go on") {
    auto tells = [](const Words& words) { return only_tells(words, Options(), built_in_verbs()); };
    for (const Words& words : std::vector<Words>{{"view"},
                                                 {"view", "--watch"},
                                                 {"watch-state"},
                                                 {"wait-resource", "r", "UpToDate"},
                                                 {"help"},
                                                 {"macro", "list"},
                                                 {"no-such-verb"},
                                                 {"--timeout=3", "@all", "view", "all"},
                                                 {"@a", "@b", "view"}}) {
        INFO(Site::join(words));
        CHECK(tells(words));
    }
    for (const Words& words : std::vector<Words>{{"primary", "r"},
                                                 {"--json", "@all", "pause-fetch", "all"},
                                                 {"shell", "file"},
                                                 {"lua", "program.lua"},
                                                 {"@all", "lua", "program.lua"},
                                                 {"-e", "mars.primary('r')"}}) {
        INFO(Site::join(words));
        CHECK_FALSE(tells(words));
    }
}

TEST_CASE("who asks a verb for JSON that gives none is told which do") {
    Pair site;
    for (const auto* verb : all_verbs()) {
        const auto& options = verb->options;
        if (!verb->is_built() || verb->has(kRunsOthers)) continue;
        if (std::find(options.begin(), options.end(), "json") != options.end()) continue;
        INFO(verb->name);
        Words words{std::string(verb->name)};
        words.emplace_back("--json");
        if (verb->resource != ResourceArgument::none) words.emplace_back("r");
        for (const auto& argument : verb->arguments)
            words.emplace_back(argument.type == ArgumentType::address ? "10.0.0.9" : "b");
        auto result = site.refuse(words, "usage.option");
        CHECK(result.exit == 2);
        CHECK(site.output.text(Severity::error).find("these do: view, doctor, safe-to-stop, forecast, macro-list") !=
              std::string::npos);
    }
    site.succeed({"macro", "list", "--json"});
    site.succeed({"view", "r", "--json"});
}

TEST_CASE("a misspelt resource, host or peer is met with the right name") {
    Pair site;
    site.set("resource-mydata/size", "1048576");
    site.set("ips/ip-hostlong", "10.0.0.3");
    site.refuse({"pause-fetch", "mydate"}, "res.missing");
    CHECK(site.output.text(Severity::error).find("did you mean 'mydata'?") != std::string::npos);
    site.refuse({"view", "r", "--host=hostlnog"}, "name.nohost");
    CHECK(site.output.text(Severity::error).find("did you mean 'hostlong'?") != std::string::npos);
    site.refuse({"wait-cluster", "hostlnog"}, "usage.arg");
    CHECK(site.output.text(Severity::error).find("did you mean 'hostlong'?") != std::string::npos);
    site.refuse({"wait-resource", "r", "UpToDat"}, "usage.condition");
    CHECK(site.output.text(Severity::error).find("did you mean 'UpToDate'?") != std::string::npos);
}
