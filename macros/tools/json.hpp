// SPDX-License-Identifier: GPL-2.0-or-later
// State of a resource for programs: `view --json`. Tests: tests/unit/macros/tools_test.cpp.
#pragma once

#include <string>
#include <string_view>

#include "macros/macros.hpp"

namespace mars::macros {

// One JSON object with every viewable primitive, seen from the context's host. Keys are names with underscores and the
// unit ("sync_rest_bytes"); values are numbers, booleans, texts, arrays of lines, or null for what is unknown.
// `only`: the one primitive or macro to show; empty: all primitives, and the macros of the status line; the
// context's macro_text replaces `only`. What fails is null; of `only`, `failed` gets the reason.
std::string json_of_resource(const Context& context, std::string_view resource, std::string_view only = {},
                             std::optional<failure>* failed = nullptr);

// `text` as a JSON string with its quotes. What is no UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

} // namespace mars::macros
