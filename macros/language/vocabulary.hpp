// SPDX-License-Identifier: GPL-2.0-or-later
// Vocabulary: the words that an embedding program gives to the language: its primitives, and the macros that are
// compiled into it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "macros/language/catalogue.hpp"
#include "macros/language/setup.hpp"

namespace mars::macros {

struct BuiltIn {
    std::string_view name;
    std::string_view text;
};

struct Vocabulary {
    Catalogue primitives;
    std::span<const BuiltIn> texts;
    std::span<const BuiltIn> texts_01a; // with compat 0.1a instead of those
    std::span<const BuiltIn> stubs_01a; // as stub() makes them, for primitives that did more when they were viewed

    // The text of a macro that is compiled in.
    std::optional<std::string_view> text(std::string_view name, Compat compat) const;
    // Text of the stub that makes the viewable primitive `name` viewable.
    std::string stub(std::string_view name, Compat compat) const;
};

} // namespace mars::macros
