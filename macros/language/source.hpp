// SPDX-License-Identifier: GPL-2.0-or-later
// Source: what happens to macro text before it is parsed: comments are removed and backslash + n becomes a newline,
// in an order that depends on where the text comes from. Remembers where each byte came from, for messages.
// Spec: macro-language 1.1, 1.2. Tests: tests/unit/macros/source_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mars::macros {

enum class Origin { command_line, template_viewed, template_called, built_in, none };

struct Source {
    std::string text;
    std::vector<std::uint32_t> offsets; // of each byte of `text` in the original
};

// `hash_anywhere`: a '#' begins a comment wherever it stands (release 0.1a), not only after white space.
Source preprocess(std::string_view original, Origin origin, bool hash_anywhere);

} // namespace mars::macros
