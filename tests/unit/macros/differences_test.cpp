// SPDX-License-Identifier: GPL-2.0-or-later
// Every row of the table of differences from release 0.1a is true in both modes.
#include "macros/tools/differences.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

TEST_CASE("each difference from release 0.1a shows in its example") {
    for (auto& difference : differences()) {
        INFO(difference.example);
        CHECK(difference.result_now != difference.result_before);
        for (auto compat : {Compat::current, Compat::v01a}) {
            SampleCluster cluster("nodeb", compat);
            if (difference.change == "disk file")
                cluster.outside.kinds["/dev/vg/vol1"] = Outside::FileKind::regular;
            else if (!difference.change.empty())
                cluster.view.apply(std::string(difference.change));
            std::string result = cluster.eval(std::string(difference.example));
            if (result.starts_with("FAIL")) result = "FAIL";
            if (result.ends_with('\n')) result.pop_back();
            CHECK(result == (compat == Compat::current ? difference.result_now : difference.result_before));
        }
    }
}
