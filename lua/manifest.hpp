// SPDX-License-Identifier: GPL-2.0-or-later
// Manifest: what a plugin says of itself in its plugin.lua: a table of plain data. It is evaluated without any library
// and with few instructions, so that reading it can do nothing but describe; the plugin's code is loaded on first use.
// Format: docs/plugins.md. Tests: tests/unit/lua/manifest_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "shell/command/verb_registry.hpp"

namespace mars::lua {

struct PluginVerb {
    shell::AddedVerb row; // without `run`
    std::string function; // in the table that the plugin's code returns
};

struct PluginPrimitive {
    std::string name;
    int min_args = 0;
    int max_args = 0;
    std::string doc;
    std::string function;
};

struct PluginHook {
    std::string pattern;
    std::string function;
};

struct Tunable {
    enum class Type { text, number, boolean };
    std::string name;
    Type type = Type::text;
    std::string value; // the default, or what was set; "1" and "0" for booleans
    std::string doc;
};

struct Manifest {
    std::string directory;
    std::string name; // the directory's
    std::string version;
    std::string summary;
    std::string main = "init.lua";
    std::vector<PluginVerb> verbs;
    std::vector<PluginPrimitive> primitives;
    std::vector<PluginHook> hooks;
    std::vector<Tunable> tunables;
};

// `text`: the content of DIRECTORY/plugin.lua. Failure: plugin.broken, with file and line or field.
result<Manifest> parse_manifest(const std::string& directory, const std::string& text);
// Gives a tunable a value. Failure: plugin.broken when it does not fit the type.
result<void> set_tunable(Tunable& tunable, std::string_view value, const std::string& where);

} // namespace mars::lua
