// SPDX-License-Identifier: GPL-2.0-or-later
// Every state that the macros of the status line can show, on variations of the sample cluster
// (tests/golden/macros/states.txt).
#include <catch2/catch.hpp>

#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

namespace {

struct Case {
    std::string title, host;
    bool caught_up = false;
    std::vector<std::string> changes;
    std::vector<std::pair<std::string, std::string>> expected, current;
};

std::vector<Case> load_cases() {
    std::vector<Case> cases;
    for (auto& line : lines_of(read_text(golden("states.txt")))) {
        if (line.empty() || line.front() == '#') continue;
        auto colon = line.find(": ");
        if (line.starts_with("case "))
            cases.push_back({line.substr(5), "", false, {}, {}, {}});
        else if (line.starts_with("host "))
            cases.back().host = line.substr(5);
        else if (line == "caught-up")
            cases.back().caught_up = true;
        else if (line.starts_with("current: ")) {
            auto second = line.find(": ", colon + 2);
            cases.back().current.emplace_back(line.substr(colon + 2, second - colon - 2), line.substr(second + 2));
        } else if (colon != std::string::npos)
            cases.back().expected.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        else
            cases.back().changes.push_back(line);
    }
    return cases;
}

void prepare(SampleCluster& cluster, const Case& c) {
    if (c.caught_up) cluster.caught_up();
    for (auto& change : c.changes) {
        if (change == "disk missing")
            cluster.outside.kinds.clear();
        else if (change == "engine stopped") {
            cluster.outside.running = false;
            cluster.outside.clock = {1700000000, 0}; // the Lamport clock is gone with it
        } else
            cluster.view.apply(change);
    }
}

void check(const Case& c, Compat compat) {
    SampleCluster cluster(c.host, compat);
    prepare(cluster, c);
    auto expected = c.expected;
    for (auto& [name, value] : c.current)
        for (auto& [known, result] : expected)
            if (compat == Compat::current && known == name) result = value;
    for (auto& [name, value] : expected) {
        INFO(c.title << ", " << name);
        std::string shown = cluster.show(name);
        if (shown.starts_with("FAIL")) shown = "FAIL";
        if (shown.ends_with('\n')) shown.pop_back();
        CHECK(shown == value);
    }
}

} // namespace

TEST_CASE("the status macros show every state as release 0.1a does") {
    for (auto& c : load_cases()) check(c, Compat::v01a);
}

TEST_CASE("the status macros show every state in the default mode") {
    for (auto& c : load_cases()) check(c, Compat::current);
}
