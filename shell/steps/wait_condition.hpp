// SPDX-License-Identifier: GPL-2.0-or-later
// WaitCondition: what wait-resource waits for, and how people write it. Spec: verbs 4.27. Tests:
// tests/unit/shell/verbs_wait_test.cpp.
#pragma once

#include <string>

#include "shell/command/context.hpp"

namespace mars::shell {

struct WaitCondition {
    enum class Kind { indicator, toggle, role, device, state };
    Kind kind;
    std::string name; // of the indicator or switch; host or "(none)" for a role; the word of a state
    bool on;
};

// `text` as in "is-attach-off", "UpToDate", "primary". Failure: usage.condition, with all that is possible.
result<WaitCondition> parse_condition(const std::string& text, const std::string& me);

} // namespace mars::shell
