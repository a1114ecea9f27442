// SPDX-License-Identifier: GPL-2.0-or-later
// Shell patterns over names of the tree, and of directories outside as far as Outside lists them. Spec:
// macro-language 2.11.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "macros/evaluator.hpp"

namespace mars::macros {

// Names matching the blank-separated patterns; per pattern in the order of glob_less. Fails when the patterns are too
// long, or have too many alternatives.
result<std::vector<std::string>> glob_paths(Evaluator& evaluator, std::string_view patterns);

// Without regard to case, ties bytewise.
bool glob_less(const std::string& a, const std::string& b);

} // namespace mars::macros
