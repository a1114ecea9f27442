// SPDX-License-Identifier: GPL-2.0-or-later
// PluginSettings: where plugins are, and what administrators have set their tunables to. Tests:
// tests/shell/plugins_test.py.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/env/storage.hpp"
#include "lua/manifest.hpp"

namespace mars::lua {

// More than any file of a plugin has.
inline constexpr std::size_t kFileBytes = std::size_t{16} << 20;

struct PluginSettings {
    std::vector<std::string> path;                  // directories that hold plugins, first one first
    std::string configuration;                      // a file with lines "PLUGIN.TUNABLE = VALUE"
    std::map<std::string, std::string> environment; // "MARS_NOTIFY_CHANNEL": beats the file
};

// Sets the tunables of a plugin. Failure: plugin.broken, with the place of what is unknown or malformed.
result<void> configure(Manifest& manifest, const PluginSettings& settings, const env::Storage& storage);

} // namespace mars::lua
