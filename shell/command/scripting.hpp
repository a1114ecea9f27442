// SPDX-License-Identifier: GPL-2.0-or-later
// Scripting: what the verbs of the family "script" (verbs_script.cpp) need from the Lua engine, the plugins and the
// interactive shell, which live above this library (lua/, shell/repl/) and are initialised only when they are used.
#pragma once

#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/task.hpp"

namespace mars::shell {

class Output;
class VerbContext;

// One directory of the search path that has a manifest, or ought to.
struct PluginReport {
    std::string name;
    std::string version;
    std::string directory;
    std::string summary;
    std::string trouble;             // why it is not used; empty when it is
    std::vector<std::string> offers; // "verb acme-report", "primitive acme-tier", "hook primary.*.before"
};

class Scripting {
  public:
    virtual ~Scripting() = default;

    // These return the exit status of the script. Failure: lua.error, with file, line and traceback; sys.io.
    virtual env::task<result<int>> run_file(VerbContext& ctx, std::string path, std::vector<std::string> args) = 0;
    virtual env::task<result<int>> run_code(VerbContext& ctx, std::string code, std::vector<std::string> args) = 0;
    // The interactive shell; or commands from a file ("-": stdin) when `path` is not empty.
    virtual env::task<result<int>> run_shell(VerbContext& ctx, std::string path) = 0;

    // All plugins of the search path, also the broken ones.
    virtual std::vector<PluginReport> plugins() = 0;
    // Reads and loads everything of the plugin in `directory`; what is wrong is in `trouble`.
    virtual PluginReport check_plugin(VerbContext& ctx, std::string directory) = 0;
    // Fires an event for each change of state, until cancelled.
    virtual env::task<result<void>> watch_state(VerbContext& ctx) = 0;
    // The reference of the Lua functions: "text" or "man".
    virtual std::string lua_reference(const std::string& format) = 0;
};

} // namespace mars::shell
