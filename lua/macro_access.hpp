// SPDX-License-Identifier: GPL-2.0-or-later
// Macros for programs in Lua: evaluated at once, without a verb.
#pragma once

#include <string>

#include "lua/interpreter.hpp"

namespace mars::lua {

// Whether this user can read the tree: what is unreadable is not missing. Failure: sys.root.
result<void> check_tree(Interpreter& interpreter);
// What view-NAME says for a resource ("" for none), seen from `host` (else the acting one). Failure: view.macro.
result<std::string> view_macro(Interpreter& interpreter, const std::string& name, const std::string& resource,
                               const std::string& host = {});
result<std::string> evaluate_macro(Interpreter& interpreter, const std::string& text, const std::string& resource);

} // namespace mars::lua
