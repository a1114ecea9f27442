// SPDX-License-Identifier: GPL-2.0-or-later
// The parsed form of macro text: a list of literals, escapes and calls, whose arguments are parsed likewise.
// All views point into the text of the Macro that owns the tree. The tree never changes after parsing, except for the
// bindings that an evaluation caches in it: one macro must not be evaluated by two threads at once.
// Spec: macro-language 1.3, 1.5.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "macros/language/value.hpp"

namespace mars::macros {

struct AddedPrimitive; // see added_primitive.hpp
struct Call;
struct Entry; // a name of a primitive, see catalogue.hpp
struct Macro;
class Evaluator;

// How evaluation goes on after a text or call.
enum class Flow : std::uint8_t { normal, next, last, leave, abort, stop, failed };

using PrimitiveFunction = Flow (*)(Evaluator&, const Call&, Value& out);
// The quick form of a primitive: its result when that is an integer which can be had from constants and variables
// alone, without any effect. false: the general form has to be used.
using QuickFunction = bool (*)(const Evaluator&, const Call&, std::int64_t& out);

struct Node {
    enum class Kind : std::uint8_t { literal, escape, call };
    Kind kind = Kind::literal;
    char byte = 0;              // escape: the resulting byte
    bool reserved = false;      // escape: a letter without meaning yet
    std::string_view source;    // the bytes of the macro text
    std::unique_ptr<Call> call; // call
};

struct Text {
    enum class Shape : std::uint8_t { constant, call, mixed };
    Shape shape = Shape::constant;
    std::string_view source;
    std::vector<Node> nodes;
    const Call* only = nullptr; // call: the call
    std::string merged;         // constant: text that had escapes in it
    Value constant;             // constant: its value
};

// What a call turned out to mean in one session of evaluation.
struct Binding {
    std::uint64_t session = 0;
    PrimitiveFunction function = nullptr;
    PrimitiveFunction traced = nullptr; // what `function` was before tracing was put in between
    QuickFunction quick = nullptr;
    const Entry* entry = nullptr;          // a primitive, …
    const Macro* macro = nullptr;          // … or a macro
    const AddedPrimitive* added = nullptr; // … or a primitive of the caller
    std::uint32_t slot = 0;                // variable named by the first argument, when that is constant
    bool has_slot = false;
};

struct Call {
    std::string_view name;
    std::string_view source; // from '%' to the last '}'
    std::vector<Text> args;
    mutable Binding binding;
};

struct Macro {
    std::string name;
    std::string file;                  // where the text comes from, for messages
    std::string original;              // as it was written
    std::string text;                  // after preprocessing; the tree points into this
    std::vector<std::uint32_t> origin; // offset in `original` of each byte of `text`; empty: same
    Text tree;
};

using MacroPtr = std::shared_ptr<const Macro>;

} // namespace mars::macros
