// SPDX-License-Identifier: GPL-2.0-or-later
// device_users: who keeps a block device from being closed, for people: mounts, processes with files in them or with
// the device itself open, other block devices on it. Looks at /proc and /sys; blocks for milliseconds.
#pragma once

#include <string>
#include <vector>

namespace mars::shell::systemd {

// At most `most` of them, the likeliest causes first. Empty when nobody is found or the device is not there.
std::vector<std::string> device_users(const std::string& device, std::size_t most = 8);

// Do the programs above this process match the regular expression, or is pid 1 its parent?
bool is_called_by(const std::string& callers);

} // namespace mars::shell::systemd
