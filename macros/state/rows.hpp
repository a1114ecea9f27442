// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the primitives that look at a tree or its host, one function per file that implements them.
#pragma once

#include <span>

#include "macros/language/primitive.hpp"

namespace mars::macros {

std::span<const Primitive> glob_primitives();
std::span<const Primitive> progress_primitives();
std::span<const Primitive> error_code_primitives();
std::span<const Primitive> time_primitives();
std::span<const Primitive> link_primitives();
std::span<const Primitive> list_state_primitives();
std::span<const Primitive> cluster_state_primitives();
std::span<const Primitive> message_state_primitives();
std::span<const Primitive> switch_state_primitives();
std::span<const Primitive> device_state_primitives();
std::span<const Primitive> position_state_primitives();
std::span<const Primitive> rate_state_primitives();
std::span<const Primitive> age_state_primitives();
std::span<const Primitive> consistency_state_primitives();
std::span<const Primitive> handover_state_primitives();
std::span<const Primitive> news_state_primitives();

} // namespace mars::macros
