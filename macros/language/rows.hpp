// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the primitives that belong to the language itself, one function per file that implements them.
#pragma once

#include <span>

#include "macros/language/primitive.hpp"

namespace mars::macros {

std::span<const Primitive> variable_primitives();
std::span<const Primitive> arithmetic_primitives();
std::span<const Primitive> comparison_primitives();
std::span<const Primitive> condition_primitives();
std::span<const Primitive> loop_primitives();
std::span<const Primitive> control_primitives();
std::span<const Primitive> call_primitives();
std::span<const Primitive> string_primitives();
std::span<const Primitive> message_primitives();

} // namespace mars::macros
