// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/result.hpp"

#include <cstdio>

namespace mars {

failure errno_failure(int number, std::string_view what) {
    std::error_code code(number, std::generic_category());
    return {code, std::string(what) + ": " + code.message()};
}

void panic(std::string_view what) {
    std::fprintf(stderr, "mars: internal error: %.*s\n", static_cast<int>(what.size()), what.data());
    std::fflush(stderr);
    std::abort();
}

} // namespace mars
