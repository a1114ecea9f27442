// SPDX-License-Identifier: GPL-2.0-or-later
// Who listens on a TCP port of this host, for a message. Reads /proc; takes some milliseconds.
#pragma once

#include <cstdint>
#include <string>

namespace mars::env {

// "marsd (pid 4711)"; empty when nobody is found, or it may not be seen.
std::string port_holder(std::uint16_t port);

} // namespace mars::env
