// SPDX-License-Identifier: GPL-2.0-or-later
// Disk: the block device or file that is to hold a replica, with the checks before it is used.
// Spec: verbs 4.8 (7 … 11). Tests: tests/unit/shell/verbs_resource_test.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "shell/command/context.hpp"

namespace mars::shell {

struct Disk {
    std::string path;       // as given
    std::uint64_t size = 0; // usable bytes, a multiple of 4096
};

// Opens the disk (exclusively, if it is a block device) and finds its size. `size_text`: an explicit smaller size, may
// be empty. Failures: disk.missing, disk.busy (F), usage.size, disk.size.
env::task<result<Disk>> examine_disk(VerbContext& ctx, std::string path, std::string size_text);
// The device name NAME is free on ME. Failures: name.*, device.name.
result<void> check_device_name(VerbContext& ctx, const std::string& name);

} // namespace mars::shell
