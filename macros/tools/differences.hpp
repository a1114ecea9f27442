// SPDX-License-Identifier: GPL-2.0-or-later
// The list of what macros do differently from releases up to 0.1a, each with an example of both. `--compat=0.1a` brings
// the old behaviour back. Printed in the manual; tests/unit/macros/differences_test.cpp runs every example in both
// modes.
#pragma once

#include <span>
#include <string_view>

namespace mars::macros {

struct Difference {
    std::string_view now;     // what happens now
    std::string_view before;  // what releases up to 0.1a do
    std::string_view example; // macro text, viewed on the sample cluster
    std::string_view result_now;
    std::string_view result_before; // "FAIL": the evaluation fails
    std::string_view change = {};   // of the sample cluster, for the example
};

std::span<const Difference> differences();

} // namespace mars::macros
