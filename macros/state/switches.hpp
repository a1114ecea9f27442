// SPDX-License-Identifier: GPL-2.0-or-later
// Names of switch links below a resource, from the names that macros use. Spec: macro-language 3.1.
#pragma once

#include <string>
#include <string_view>

#include "macros/language/syntax.hpp"

namespace mars::macros {

std::string todo_key(const std::string& host, std::string_view name);   // "todo-HOST/connect"
std::string actual_key(const std::string& host, std::string_view name); // "actual-HOST/is-copying"

// The argument as a host name, or the acting host when it is false.
Flow peer_argument(Evaluator& evaluator, const Call& call, std::size_t index, std::string& host);

} // namespace mars::macros
