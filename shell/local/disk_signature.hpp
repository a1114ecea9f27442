// SPDX-License-Identifier: GPL-2.0-or-later
// What a disk holds by its signature (filesystem, LVM, RAID, partition table …), as libblkid knows them.
#pragma once

#include <string>

namespace mars::shell {

// "ext4 'label' (uuid …)"; empty when nothing is known there, or it cannot be read. Reads a few KiB; blocks.
std::string disk_signature(const std::string& path);

} // namespace mars::shell
