// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/hooks.hpp"

namespace mars::shell {

bool matches_event(std::string_view pattern, std::string_view name) {
    // The place to come back to when a `*` has to take one character more.
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    std::size_t p = 0;
    std::size_t n = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool is_before(std::string_view event_name) {
    return event_name.ends_with(".before");
}

env::task<result<void>> fire(Hooks* hooks, Event event) {
    if (!hooks || !hooks->listens(event.name)) co_return result<void>();
    co_return co_await hooks->fire(std::move(event));
}

} // namespace mars::shell
