// SPDX-License-Identifier: GPL-2.0-or-later
// The language serves any program: here one with a word, a macro, a variable and a companion of its own, and no tree.
#include <catch2/catch.hpp>

#include "macros/language/evaluator.hpp"
#include "macros/language/parser.hpp"
#include "macros/language/rows.hpp"

using namespace mars::macros;

namespace {

enum OwnSlot : Slot { kShip = kFixedSlots };

class Harbour : public Companion {
  public:
    std::span<const std::string_view> variables() const override { return kNames; }
    void join(Evaluator& evaluator) override { evaluator_ = &evaluator; }
    void begin(std::string_view subject) override { evaluator_->env().assign(kShip, subject); }

    int moored = 0;

  private:
    static constexpr std::string_view kNames[] = {"ship"};
    Evaluator* evaluator_ = nullptr;
};

Flow moor(Evaluator& evaluator, const Call&, Value& out) {
    auto& harbour = static_cast<Harbour&>(evaluator.companion());
    out.set(evaluator.env().text(kShip) + std::to_string(++harbour.moored));
    return Flow::normal;
}

constexpr Primitive kHarbourRows[] = {
    {"moor", "{}", 0, 1, false, false, "Moors the ship.", "%moor{}", "ship1", moor},
};
constexpr BuiltIn kTexts[] = {{"greeting", "ahoy, %{1}"}};

std::vector<TableChapter> chapters() {
    auto rows = [](std::span<const Primitive> table) { return std::vector<Primitive>(table.begin(), table.end()); };
    return {{"Harbour", rows(kHarbourRows)}, {"Variables", rows(variable_primitives()), true}};
}

struct Port {
    Outside outside;
    Setup setup{outside};
    std::vector<TableChapter> table = chapters();
    Vocabulary words{Catalogue(table), kTexts, {}, {}};
    Library library{setup, words};
    Harbour harbour;
    Evaluator evaluator{setup, library, harbour};

    std::string eval(const std::string& text) {
        auto macro = parse_macro("test", "test", text, Origin::command_line, false);
        evaluator.begin("test", "Pequod");
        auto shown = evaluator.run(*macro, "test", {});
        return shown ? *shown : "FAIL: " + shown.error().text.substr(0, shown.error().text.find('\n'));
    }
};

} // namespace

TEST_CASE("another program's words, macros, variables and companion are all that a macro finds") {
    Port port;
    CHECK(port.eval("%{ship}: %moor{}, %moor{}") == "Pequod: Pequod1, Pequod2");
    CHECK(port.harbour.moored == 2);
    CHECK(port.eval("%greeting{%{ship}}") == "ahoy, Pequod");
    CHECK(port.eval("[%{host}%{resdir}]") == "[]");
    CHECK(port.eval("%get-primary{}") == "FAIL: call to unknown macro 'get-primary'");
    CHECK(port.eval("%if{1}{2}") == "FAIL: call to unknown macro 'if'");
}

TEST_CASE("a vocabulary makes stubs for what can be viewed, and exceptions of release 0.1a are rows of it") {
    static constexpr BuiltIn kOwn[] = {{"moor", "%primitive-moor{twice}"}};
    auto table = chapters();
    Vocabulary words{Catalogue(table), kTexts, {}, kOwn};
    CHECK(words.stub("moor", Compat::v01a) == "%primitive-moor{twice}");
    CHECK(words.stub("other", Compat::v01a) == "%primitive-other{%{1}}");
    CHECK(words.stub("moor", Compat::current) == "%primitive-moor{}");
    CHECK(words.text("greeting", Compat::v01a) == "ahoy, %{1}");
    CHECK_FALSE(words.text("moor", Compat::current));
    CHECK(words.primitives.find("primitive-moor") == nullptr);
    CHECK(explicit_primitive("primitive_moor") == "moor");
    CHECK_FALSE(explicit_primitive("moor"));
}
