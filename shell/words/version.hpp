// SPDX-License-Identifier: GPL-2.0-or-later
// The version of this program. Spec: verbs 1.1/5.
#pragma once

#include <string>

namespace mars::shell {

// "marsadm 0.2.0 (tree 0.1, protocol 2.9)".
std::string version_line();

} // namespace mars::shell
