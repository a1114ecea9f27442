// SPDX-License-Identifier: GPL-2.0-or-later
// The words of MARS: all primitives in one table, and the built-in macros. Read by the evaluation, `macro check`, help,
// the reference page, completion and the tests, which run every example.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "macros/language/catalogue.hpp"
#include "macros/language/vocabulary.hpp"

namespace mars::macros {

const Vocabulary& vocabulary();

// All chapters in the order of the manual.
std::span<const TableChapter> primitive_table();
// Every name, in table order.
const std::vector<Entry>& primitive_entries();
// The primitive that `name` denotes, in any accepted spelling; nullptr when there is none.
const Entry* find_primitive(std::string_view name);
// The viewable primitive spelled exactly `name`.
const Entry* find_viewable(std::string_view name);
// Names of the macros that are compiled in.
std::vector<std::string_view> built_in_names();

} // namespace mars::macros
