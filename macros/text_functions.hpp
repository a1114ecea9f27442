// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives on texts that fill files of their own, named in the tables of strings.cpp and other.cpp.
#pragma once

#include <string>
#include <string_view>

#include "macros/syntax.hpp"

namespace mars::macros {

// human.cpp. Spec: macro-language 2.8.
Flow human_numbers(Evaluator& evaluator, const Call& call, Value& out);
Flow human_seconds(Evaluator& evaluator, const Call& call, Value& out);
Flow progress_bar(Evaluator& evaluator, const Call& call, Value& out);

// errno_text.cpp. Spec: macro-language 2.9.
Flow errno_text(Evaluator& evaluator, const Call& call, Value& out);
// "[NAME:description]" of a positive code, or "[description]". Blanks are kept.
std::string errno_label(std::int64_t code, bool with_name);

} // namespace mars::macros
