// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/disk_signature.hpp"

#include <blkid/blkid.h>

#include "kernel/base/late_library.hpp"

namespace mars::shell {

namespace {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes" // the header's nonnull attributes, on a type
constinit LateLibrary libblkid("libblkid.so.1", "libblkid1");
MARS_LATE_FUNCTION(libblkid, blkid_new_probe_from_filename);
MARS_LATE_FUNCTION(libblkid, blkid_probe_enable_superblocks);
MARS_LATE_FUNCTION(libblkid, blkid_probe_set_superblocks_flags);
MARS_LATE_FUNCTION(libblkid, blkid_probe_enable_partitions);
MARS_LATE_FUNCTION(libblkid, blkid_do_safeprobe);
MARS_LATE_FUNCTION(libblkid, blkid_probe_lookup_value);
MARS_LATE_FUNCTION(libblkid, blkid_free_probe);
#pragma GCC diagnostic pop

std::string value(blkid_probe probe, const char* name) {
    const char* text = nullptr;
    const bool found = blkid_probe_lookup_value(probe, name, &text, nullptr) == 0 && text;
    return found ? text : "";
}

} // namespace

std::string disk_signature(const std::string& path) {
    auto* probe = blkid_new_probe_from_filename(path.c_str());
    if (!probe) return {};
    (void)blkid_probe_enable_superblocks(probe, 1);
    (void)blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
    (void)blkid_probe_enable_partitions(probe, 1);
    std::string found;
    switch (blkid_do_safeprobe(probe)) {
    case 0:
        found = value(probe, "TYPE");
        if (found.empty() && !value(probe, "PTTYPE").empty())
            found = "a " + value(probe, "PTTYPE") + " partition table";
        if (const auto label = value(probe, "LABEL"); !label.empty()) found += " '" + label + "'";
        if (const auto uuid = value(probe, "UUID"); !uuid.empty()) found += " (uuid " + uuid + ")";
        break;
    case -2:
        found = "several signatures that contradict each other";
        break;
    default:
        break; // nothing, or unreadable: whoever opens it says so
    }
    blkid_free_probe(probe);
    return found;
}

} // namespace mars::shell
