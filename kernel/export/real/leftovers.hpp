// SPDX-License-Identifier: GPL-2.0-or-later
// What a killed marsd leaves of an export: a mount whose server is gone, a loop device on it, nodes, a record of the
// loop device's number. All functions block: call them on the pool.
#pragma once

#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/export/real/loop_device.hpp"
#include "kernel/export/real/paths.hpp"

namespace mars::exports {

// Remembers `loop`, so that clean_leftovers() finds it.
result<void> write_record(const ExportPaths& paths, const std::string& name, const LoopId& loop);

// Removes what an earlier program has left under `name`. Result: empty, or what it could not take away because it is
// still in use, and what to do about it; this does not stand in the way of a new export. Fails when the export is being
// served, or something that we have not made stands in its place.
result<std::string> clean_leftovers(const ExportPaths& paths, const std::string& name);

// The same for all names, also for those that are not made again: nobody shall find a device that gives I/O errors.
// What another program serves is left alone. Result: what could not be taken away, and why.
std::vector<std::string> clean_all_leftovers(const ExportPaths& paths);

} // namespace mars::exports
