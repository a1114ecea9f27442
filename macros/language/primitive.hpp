// SPDX-License-Identifier: GPL-2.0-or-later
// Primitive: one row of a table of primitives.
//
// Spelling of a row: alternatives in braces make several names, "{sync,fetch}-rest"; a dash may be written as
// underscore or left out; `=` is a dash that must be written as such; `~` a dash or underscore that must be there;
// a name ending in `*` is matched by its beginning, one beginning with `*` by its end. Operators mean themselves.
// Spec: macro-language 2, 3.
#pragma once

#include <cstdint>
#include <string_view>

#include "macros/language/syntax.hpp"

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
    bool viewable = false;         // `marsadm view-NAME` works
    QuickFunction quick = nullptr; // the same for two integers
};

} // namespace mars::macros
