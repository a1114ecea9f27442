// SPDX-License-Identifier: GPL-2.0-or-later
// ExportPaths: where exports appear and where their helpers live.
#pragma once

#include <string>

namespace mars::exports {

struct ExportPaths {
    std::string devices = "/dev/mars"; // block device nodes, for applications
    std::string run = "/run/mars";     // private to us; must not survive a reboot

    std::string node(const std::string& name) const { return devices + "/" + name; }
    // By which we reach the block device ourselves.
    std::string hidden_node(const std::string& name) const { return devices + "/." + name; }
    std::string mountpoint(const std::string& name) const { return run + "/" + name + ".fuse"; }
    // Which loop device we took for it: for cleaning up after a crash.
    std::string record(const std::string& name) const { return run + "/" + name + ".loop"; }
    std::string socket(const std::string& name) const { return run + "/" + name + ".nbd"; }
};

} // namespace mars::exports
