// SPDX-License-Identifier: GPL-2.0-or-later
// Companion: what the primitives of the embedding program share during the evaluations of one Evaluator, and the
// variables that it predefines. Primitives of that program know which kind it is.
#pragma once

#include <span>
#include <string_view>

namespace mars::macros {

class Evaluator;

class Companion {
  public:
    virtual ~Companion() = default;

    // Names of the predefined variables: they have the slots from kFixedSlots on, in this order.
    virtual std::span<const std::string_view> variables() const { return {}; }
    // Called once, by the evaluator that it goes along with; which outlives all further calls.
    virtual void join(Evaluator& evaluator) { (void)evaluator; }
    // Assigns the predefined variables for a view of `subject` ("" for none).
    virtual void begin(std::string_view subject) { (void)subject; }
};

} // namespace mars::macros
