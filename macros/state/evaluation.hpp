// SPDX-License-Identifier: GPL-2.0-or-later
// Evaluation: an evaluator together with what it works on, in the order in which they need each other.
#pragma once

#include "macros/language/evaluator.hpp"
#include "macros/language/library.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

struct Evaluation {
    Evaluation(const Context& context, const Vocabulary& vocabulary)
        : library(context, vocabulary), state(context), evaluator(context, library, state) {}

    Library library;
    State state;
    Evaluator evaluator;
};

} // namespace mars::macros
