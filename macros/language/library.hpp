// SPDX-License-Identifier: GPL-2.0-or-later
// Library: finds macros by name and keeps them parsed for one session: --macro text, template files, built-in macros,
// and the stubs that make primitives viewable. Spec: macro-language 5.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "macros/language/setup.hpp"
#include "macros/language/source.hpp"
#include "macros/language/syntax.hpp"
#include "macros/language/vocabulary.hpp"

namespace mars::macros {

struct MacroInfo {
    enum class Kind : std::uint8_t { built_in, overridden, own, viewable };
    std::string name;
    Kind kind = Kind::built_in;
    std::string file; // of the text in force
};

class Library {
  public:
    Library(const Setup& setup, const Vocabulary& vocabulary);

    const Vocabulary& vocabulary() const { return vocabulary_; }

    // Everything that a name may denote besides a primitive; nullptr when there is nothing.
    // `viewed`: entered from the command line. Valid as long as the library.
    const Macro* find(std::string_view name, bool viewed = false);
    // Only templates and built-in macros: what overrides a primitive in a direct call. nullptr also when its text is
    // empty or "0".
    const Macro* find_override(std::string_view name);
    // The text that a lookup would give, as it is stored, and where it comes from.
    struct Stored {
        std::string text;
        std::string file;
        Origin origin;
    };
    std::optional<Stored> stored(std::string_view name, bool viewed = false);
    std::vector<MacroInfo> list();

  private:
    // Is there a primitive that can be viewed by this name, and the text that does so.
    bool has_stub(std::string_view name) const;
    std::string stub(std::string_view name) const;
    std::optional<Stored> from_template(std::string_view name, bool viewed);
    MacroPtr load(std::string_view name, bool viewed, bool with_stubs);

    const Setup& setup_;
    const Vocabulary& vocabulary_;
    bool text_used_ = false;
    std::unordered_map<std::string, MacroPtr> found_; // by how it was looked up, and name
};

} // namespace mars::macros
