// SPDX-License-Identifier: GPL-2.0-or-later
// The vectors of the specification: all of them hold with compat 0.1a; in the default mode those that are not listed in
// vectors-current.tsv hold, too, and those listed have the result given there.
#include <catch2/catch.hpp>

#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

namespace {

using Vectors = std::vector<std::pair<std::string, std::string>>;

Vectors load_vectors(const std::string& name) {
    Vectors vectors;
    for (auto& line : lines_of(read_text(golden(name)))) {
        auto tab = line.find('\t');
        vectors.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    }
    return vectors;
}

} // namespace

TEST_CASE("every vector holds in the mode of release 0.1a") {
    VectorContext context(Compat::v01a);
    for (auto& [source, expected] : load_vectors("vectors.tsv")) {
        INFO(source);
        CHECK(context.eval(unescape(source)) == expected);
    }
}

TEST_CASE("in the default mode only the listed vectors differ, as listed") {
    VectorContext context(Compat::current);
    std::map<std::string, std::string> differing;
    for (auto& [source, expected] : load_vectors("vectors-current.tsv")) differing[source] = expected;
    std::size_t used = 0;
    for (auto& [source, expected] : load_vectors("vectors.tsv")) {
        INFO(source);
        auto other = differing.find(source);
        used += other != differing.end();
        if (other != differing.end()) CHECK(other->second != expected);
        CHECK(context.eval(unescape(source)) == (other == differing.end() ? expected : other->second));
    }
    CHECK(used == differing.size());
}
