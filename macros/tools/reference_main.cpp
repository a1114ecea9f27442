// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the manual page mars-macros(7) to standard output; run by the build.
#include <iostream>

#include "macros/tools/reference.hpp"

int main() {
    std::cout << mars::macros::reference_page();
    return std::cout.flush() ? 0 : 1;
}
