// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/outside.hpp"

#include <ctime>

namespace mars::macros {

std::string Outside::local_time(std::int64_t seconds) {
    std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return {text, length};
}

} // namespace mars::macros
