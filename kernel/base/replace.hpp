// SPDX-License-Identifier: GPL-2.0-or-later
// replaced: a text with something in place of something else. Tests: tests/unit/base/text_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace mars {

// `by` in place of each `what` (not empty), from left to right; not in what was put in.
inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
    return text;
}

} // namespace mars
