// SPDX-License-Identifier: GPL-2.0-or-later
// UnitWriter: makes the directories of generated units hold what was generated. First a plan (pure), then its
// execution in the order stops, disables, removals, files, reload, enables, starts. Files that are not ours
// (unit_generator.hpp: is_generated) are never touched, obsolete ones are only removed when the generation was
// complete. Spec: macro-language 6.6. Tests: tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shell/systemd/systemd.hpp"
#include "shell/systemd/unit_generator.hpp"
#include "shell/words/output.hpp"

namespace mars::shell::systemd {

// What is in the directories now: content by path.
using PresentUnits = std::map<std::string, std::string>;

struct WritePlan {
    std::vector<std::string> stop; // units, and paths of scripts
    std::vector<std::string> disable;
    std::vector<std::string> remove; // paths
    std::vector<UnitFile> write;
    std::vector<std::string> renew; // units with another [Install] section: enabled anew, if they were enabled
    bool reload = false;
    std::vector<std::string> enable;
    std::vector<std::string> start;
    std::vector<std::string> refused; // paths where somebody else's file is

    bool is_empty() const { return stop.empty() && remove.empty() && write.empty(); }
};

WritePlan plan_writing(const Generation& generation, const PresentUnits& present);

// Units that exist and were made from `templates`, which are not trusted any more, shall stay as they are: a wrong mode
// is no wish to stop an application, nor to run it by another template.
void keep_made_from(const std::vector<std::string>& templates, const PresentUnits& present, Generation& generation);

// All files of the target and script directories that bear the name of a unit.
PresentUnits present_units(const env::Storage& storage, const Settings& settings);
// Does one of the system directories have a unit of this name (or the template of its instance) that is not ours?
bool is_installed(const env::Storage& storage, const Settings& settings, const std::string& name);

// Does it. A step that fails is a warning; the first failure is returned after all others were tried.
env::task<result<void>> execute(Systemd& systemd, Output& output, WritePlan plan, Duration limit);
// Removes what an interrupted call left in the directories, if it is older than `age`; tells how many.
std::size_t remove_leftovers(env::Storage& storage, const Settings& settings, Stamp now, Duration age);

} // namespace mars::shell::systemd
