// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers for people. The primitives are named in the table of strings.cpp. Spec: macro-language 2.8.
#pragma once

#include "macros/language/syntax.hpp"

namespace mars::macros {

Flow human_numbers(Evaluator& evaluator, const Call& call, Value& out);
Flow human_seconds(Evaluator& evaluator, const Call& call, Value& out);

} // namespace mars::macros
