// SPDX-License-Identifier: GPL-2.0-or-later
// Primitive: one row of the table of primitives, and the catalogue that finds rows by name. Read by the evaluator,
// `macro check`, help, the reference page and the tests, which run every example.
//
// Spelling of a row: alternatives in braces make several names, "{sync,fetch}-rest"; a dash may be written as
// underscore or left out; `=` is a dash that must be written as such; `~` a dash or underscore that must be there;
// a name ending in `*` is matched by its beginning, one beginning with `*` by its end. Operators mean themselves.
// Spec: macro-language 2, 3.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "macros/syntax.hpp"

namespace mars::macros {

// What a value is, for `view --json` (suffix of the key) and the reference page.
enum class Unit : std::uint8_t {
    nothing, // not shown as data
    text,
    flag,
    count,
    code,
    bytes,
    gibibytes,
    seconds,
    stamp,
    bytes_per_second,
    ops_per_second,
    percent,
    permille,
    lines
};

enum class Chapter : std::uint8_t {
    variables,
    arithmetic,
    comparison,
    strings,
    conditions,
    loops,
    calls,
    time,
    other,
    state
};

inline constexpr int kAnyNumber = 1000;

struct Primitive {
    std::string_view spelling;
    std::string_view usage; // the arguments: "{value}{unit}"
    int min_args;
    int max_args;
    bool lazy; // decides itself which arguments are evaluated, and how often
    bool pure; // same arguments, same result, no effect
    std::string_view doc;
    std::string_view example; // macro text
    std::string_view result;  // what it yields; the state primitives' for the sample cluster
    PrimitiveFunction function;
    Unit unit = Unit::nothing;
    bool viewable = false; // `marsadm view-NAME` works
};

// A name of a row with the alternatives that made it: "replay-rest" has the choice "replay".
struct Entry {
    std::string name;
    std::string pattern; // the spelling without alternatives
    std::vector<std::string> choices;
    const Primitive* row = nullptr;
    Chapter chapter = Chapter::other;
};

struct TableChapter {
    Chapter chapter;
    std::string_view title;
    std::span<const Primitive> rows;
};

// Which of a row's alternatives the name of the call has.
inline const std::string& choice(const Call& call, std::size_t index = 0) {
    return call.binding.entry->choices[index];
}

// All chapters in the order of the manual.
std::span<const TableChapter> primitive_table();
// Every name, in table order.
const std::vector<Entry>& primitive_entries();
// The primitive that `name` denotes, in any accepted spelling; nullptr when there is none.
const Entry* find_primitive(std::string_view name);
// The viewable primitive spelled exactly `name`.
const Entry* find_viewable(std::string_view name);

// The rows, one function per file that implements them.
std::span<const Primitive> variable_primitives();
std::span<const Primitive> arithmetic_primitives();
std::span<const Primitive> comparison_primitives();
std::span<const Primitive> string_primitives();
std::span<const Primitive> condition_primitives();
std::span<const Primitive> loop_primitives();
std::span<const Primitive> call_primitives();
std::span<const Primitive> time_primitives();
std::span<const Primitive> other_primitives();
std::span<const Primitive> list_state_primitives();
std::span<const Primitive> cluster_state_primitives();
std::span<const Primitive> message_state_primitives();
std::span<const Primitive> switch_state_primitives();
std::span<const Primitive> device_state_primitives();
std::span<const Primitive> position_state_primitives();
std::span<const Primitive> rate_state_primitives();
std::span<const Primitive> age_state_primitives();
std::span<const Primitive> consistency_state_primitives();
std::span<const Primitive> handover_state_primitives();

} // namespace mars::macros
