// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/words/version.hpp"

namespace mars::shell {

std::string version_line() {
    return "marsadm " MARS_VERSION " (tree 0.1, protocol 2.9)";
}

} // namespace mars::shell
