// SPDX-License-Identifier: GPL-2.0-or-later
// The grammar: well-formed by PEGTL's own analysis; what is a call and what is ordinary text.
#include "macros/language/parser.hpp"

#include <catch2/catch.hpp>
#include <tao/pegtl/contrib/analyze.hpp>

#include "macros/language/grammar.hpp"
#include "macros/language/messages.hpp"

using namespace mars::macros;

namespace {

// The nodes as text: "literal|<escape>|name(arg)(arg)".
std::string shape(const Text& text) {
    std::string out;
    for (auto& node : text.nodes) {
        if (!out.empty()) out += "|";
        if (node.kind == Node::Kind::literal) out += node.source;
        if (node.kind == Node::Kind::escape) out.append("<").append(1, node.byte).append(">");
        if (!node.call) continue;
        out += node.call->name;
        for (auto& arg : node.call->args) out += "(" + shape(arg) + ")";
    }
    return out;
}

std::string parsed(const std::string& text) {
    return shape(parse_result("test", "test", text)->tree);
}

} // namespace

TEST_CASE("the grammar has no rule that loops without consuming") {
    CHECK(tao::pegtl::analyze<grammar::text>() == 0);
}

TEST_CASE("calls are recognised, everything else is ordinary text") {
    CHECK(parsed("") == "");
    CHECK(parsed("plain") == "plain");
    CHECK(parsed("a%{x}b") == "a|(x)|b");
    CHECK(parsed("%let{a}{%{b}c}") == "let(a)((b)|c)");
    CHECK(parsed("%a{1} {2}") == "a(1)| {2}");
    CHECK(parsed("%a{1}{2") == "a(1)|{2");
    CHECK(parsed("%a{ %b{1}") == "%a{ |b(1)");
    CHECK(parsed("50%,%{h}") == "50|,%(h)");
    CHECK(parsed("\\%{h}") == "<%>|{h}");
    CHECK(parsed("%a\\{b}") == "%a|<{>|b}");
    CHECK(parsed("100%") == "100%");
    CHECK(parsed("end\\") == "end\\");
    CHECK(parsed("%(x){}") == "%(x){}");
    CHECK(parsed(std::string("%a{\0}", 5)) == std::string("a(\0)", 4));
}

TEST_CASE("braces nest up to the limit") {
    auto nested = [](std::size_t depth) { return std::string(depth, '{') + "x" + std::string(depth, '}'); };
    CHECK(parsed("%p{" + nested(20) + "}") == "p(" + nested(20) + ")");
    CHECK(parsed("%p{" + nested(21) + "}") == "%p{" + nested(21) + "}");
}

TEST_CASE("text that looks like many calls takes no quadratic time") {
    CHECK(parsed(std::string(200'000, '%')).size() == 200'000);
    std::string open;
    for (int i = 0; i < 50'000; ++i) open += "%a{";
    CHECK(parsed(open) == open);
    std::string long_argument(1'000'000, 'x');
    CHECK(parsed("%p{" + long_argument + "}") == "p(" + long_argument + ")");
}

TEST_CASE("a place counts lines and columns of the original text") {
    auto macro = parse_macro("m", "m.tpl", "ab /* x\ny */ c\\\n   d%nosuch{}\nrest", Origin::template_viewed, false);
    REQUIRE(macro->tree.nodes.size() == 3);
    Place place = place_of(*macro, macro->tree.nodes[1].source);
    CHECK(place.line == 3);
    CHECK(place.column == 5);
    CHECK(show(place) == "  at m.tpl:3:5\n       d%nosuch{}\n        ^");
    Place end = place_of(*macro, std::string_view(macro->text).substr(macro->text.size()));
    CHECK(end.line == 4);
}
