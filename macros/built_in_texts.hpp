// SPDX-License-Identifier: GPL-2.0-or-later
// The texts of macros/builtin/, compiled in by embed.cmake.
#pragma once

#include <span>

#include "macros/language/vocabulary.hpp"

namespace mars::macros {

std::span<const BuiltIn> built_in_texts(); // builtin/*.tpl
std::span<const BuiltIn> compat_texts();   // builtin/compat-0.1a/*.tpl

} // namespace mars::macros
