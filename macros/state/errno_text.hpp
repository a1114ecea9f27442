// SPDX-License-Identifier: GPL-2.0-or-later
// Names of error codes: those of the system, and our own.
#pragma once

#include <cstdint>
#include <string>

namespace mars::macros {

// "[NAME:description]" of a positive code, or "[description]". Blanks are kept.
std::string errno_label(std::int64_t code, bool with_name);

} // namespace mars::macros
