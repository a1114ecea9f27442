// SPDX-License-Identifier: GPL-2.0-or-later
// Templates: unit files of users and of ours, with @{…} and ^{…} in their names and texts, and where they are looked
// for. Settings come from the environment. Spec: macro-language 6.1; verbs 1.5. Tests:
// tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/storage.hpp"

namespace mars::shell::systemd {

struct Settings {
    std::vector<std::string> path; // as for macros: $MARS_PATH
    std::string subdir = "systemd-templates";
    std::string etc = "/etc/marsadm";
    std::string scripts_subdir = "systemd-generated-scripts";
    std::string target = "/run/systemd/system";
    // Where units of others are, for telling which references need no template.
    std::vector<std::string> system{"/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
                                    "/usr/lib/systemd/system", "/lib/systemd/system"};
    std::vector<std::string> kinds{"service", "socket", "device", "mount", "automount", "swap",
                                   "target",  "path",   "timer",  "slice", "scope",     "script"};
    std::vector<std::string> predefined; // besides is_predefined()
    std::vector<std::string> watchers{"mars-@escvar{res}-trigger.path", "dev-mars-@escvar{res}.path"};
    std::string companion = "mars-@escvar{res}-application.service"; // of a start unit
    std::vector<std::string> dependencies{"Unit",
                                          "Service",
                                          "Slice",
                                          "Sockets",
                                          "Requires",
                                          "Requisite",
                                          "Wants",
                                          "BindsTo",
                                          "PartOf",
                                          "Before",
                                          "Conflicts",
                                          "After",
                                          "OnFailure",
                                          "Alias",
                                          "WantedBy",
                                          "Also",
                                          "# ALSO",
                                          "RequiredBy",
                                          "PropagatesReloadTo",
                                          "ReloadPropagatedFrom",
                                          "JoinsNamespaceOf",
                                          "RequiresMountsFor",
                                          "DefaultInstance"};
    char escape = '@';
    char incape = '^';

    std::string scripts() const { return etc + "/" + scripts_subdir; }
    bool is_kind(std::string_view kind) const;
};

// `get`: a variable of the environment, nullopt when unset. `path`: see Settings::path.
Settings read_settings(std::vector<std::string> path,
                       const std::function<std::optional<std::string>(const char*)>& get);

struct Template {
    std::string name; // "vol-@escvar{res}.mount"
    std::string path; // of the file
    std::string text;
    std::int64_t mtime = 0; // seconds
};

struct Templates {
    std::vector<Template> all;            // in the order of their paths
    std::vector<std::string> directories; // that were searched and exist
    std::vector<std::string> distrusted;  // paths of files that were left out
    std::vector<std::string> unreadable;  // directories and files that exist, but cannot be read: with the reason
};

// Of equally named files the one in the first directory wins. A relative directory counts only if it has the
// sub-directory: else calling marsadm in the wrong place would make units of whatever lies around there. Files that are
// not trusted (shell/local/trust.hpp) are left out.
Templates load_templates(const env::Storage& storage, const Settings& settings);

// Does the name have a part to be expanded or matched? Others are copied as they are.
bool is_plain_name(const Settings& settings, std::string_view name);
// Is there a line "# MARKER"?
bool has_marker(std::string_view text, std::string_view marker);

} // namespace mars::shell::systemd
