// SPDX-License-Identifier: GPL-2.0-or-later
// Catalogue: finds the rows of a table of primitives by name, in any accepted spelling (primitive.hpp).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "macros/language/primitive.hpp"

namespace mars::macros {

// A name of a row with the alternatives that made it: "replay-rest" has the choice "replay".
struct Entry {
    std::string name;
    std::string pattern; // the spelling without alternatives
    std::vector<std::string> choices;
    const Primitive* row = nullptr;
    bool on_variable = false; // the first argument names a variable
};

// Rows that are explained together.
struct TableChapter {
    std::string_view title;
    std::vector<Primitive> rows;
    bool on_variables = false; // their first arguments name variables
};

class Catalogue {
  public:
    // `chapters` must outlive the catalogue.
    explicit Catalogue(std::span<const TableChapter> chapters);
    Catalogue(const Catalogue&) = delete;
    Catalogue& operator=(const Catalogue&) = delete;

    // Every name, in table order.
    const std::vector<Entry>& entries() const { return entries_; }
    // The primitive that `name` denotes, in any accepted spelling; nullptr when there is none.
    const Entry* find(std::string_view name) const;
    // The viewable primitive spelled exactly `name`.
    const Entry* find_viewable(std::string_view name) const;

  private:
    void add(const Primitive& row, bool on_variable);

    std::vector<Entry> entries_;
    std::unordered_map<std::string, const Entry*> exact_;
    std::unordered_multimap<std::string, const Entry*> loose_; // without separators
    std::vector<const Entry*> partial_;                        // matched by beginning or end
};

// "primitive-NAME" and "primitive_NAME", which no macro overrides: NAME.
std::optional<std::string_view> explicit_primitive(std::string_view name);

// Which of a row's alternatives the name of the call has.
inline const std::string& choice(const Call& call, std::size_t index = 0) {
    return call.binding.entry->choices[index];
}

} // namespace mars::macros
