// SPDX-License-Identifier: GPL-2.0-or-later
// The table of primitives: its examples run, its rows are complete, its names are found in every accepted spelling.
#include <catch2/catch.hpp>
#include <set>

#include "macros/primitives.hpp"
#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

TEST_CASE("the example of every primitive yields the result that the table promises") {
    for (auto& chapter : primitive_table()) {
        for (auto& row : chapter.rows) {
            SampleCluster cluster;
            // Somebody sends news while we wait.
            cluster.outside.on_sleep = [&] { cluster.view.apply("actual-nodeb/time -> 1650000020.0"); };
            INFO(row.spelling << ": " << row.example);
            std::string result = cluster.eval(std::string(row.example));
            if (result.ends_with('\n') && !row.result.ends_with('\n')) result.pop_back();
            CHECK(result == row.result);
        }
    }
}

TEST_CASE("every row of the table is complete, every name unique") {
    std::set<std::string> names;
    for (auto& entry : primitive_entries()) {
        INFO(entry.name);
        CHECK(names.insert(entry.name).second);
        CHECK_FALSE(entry.row->doc.empty());
        CHECK_FALSE(entry.row->example.empty());
        CHECK(entry.row->function != nullptr);
        CHECK(entry.row->min_args <= entry.row->max_args);
        CHECK(find_primitive(entry.name) == &entry);
        CHECK((!entry.row->viewable || entry.row->unit != Unit::nothing || entry.name.starts_with("wait")));
    }
}

TEST_CASE("a dash in a name may be an underscore or be left out, unless the row says otherwise") {
    for (auto* name : {"eval-down", "eval_down", "evaldown"}) CHECK(find_primitive(name)->name == "eval-down");
    for (auto* name : {"is-module-loaded", "is-member", "stop-eval", "rest-space", "used-log-digest"}) {
        INFO(name);
        REQUIRE(find_primitive(name));
        std::string other = name;
        other[other.rfind('-')] = '_';
        CHECK_FALSE(find_primitive(other));
    }
    CHECK(find_primitive("the_errmsg") == nullptr);
    CHECK(find_primitive("the_err_msg") != nullptr);
    CHECK(find_primitive("themsg") == nullptr);
    CHECK(find_primitive("wait_todo_attach-on") != nullptr);
    CHECK(find_primitive("waittodo-attach_on") != nullptr);
    CHECK(find_primitive("wait-todoattach-on") == nullptr);
    CHECK(find_primitive("global_sync-limit-value") != nullptr);
    CHECK(find_primitive("fooprintf")->name == "sprintf");
    CHECK(find_primitive("i-f") == nullptr);
    CHECK(find_primitive("nosuch") == nullptr);
}
