// SPDX-License-Identifier: GPL-2.0-or-later
// LuaScripting: the Lua engine and the plugins as marsadm's verbs see them. Cheap to make: a state of Lua exists only
// from when the first program, plugin or line of Lua needs it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lua/plugins.hpp"
#include "macros/added.hpp"
#include "shell/command/scripting.hpp"

namespace mars::lua {

class LuaScripting final : public shell::Scripting {
  public:
    using Shell = std::function<env::task<result<int>>(shell::VerbContext& ctx, std::string path)>;

    // `surroundings` outlives it, and gets hooks, verbs, primitives and scripting from here. `shell`: the interactive
    // shell.
    LuaScripting(shell::Surroundings& surroundings, shell::Options defaults, PluginSettings settings, Shell shell);
    ~LuaScripting() override;

    Plugins& plugin_host() { return plugins_; }
    shell::VerbRegistry& verbs() { return verbs_; }

    env::task<result<int>> run_file(shell::VerbContext& ctx, std::string path, std::vector<std::string> args) override;
    env::task<result<int>> run_code(shell::VerbContext& ctx, std::string code, std::vector<std::string> args) override;
    env::task<result<int>> run_shell(shell::VerbContext& ctx, std::string path) override;
    std::vector<shell::PluginReport> plugins() override;
    shell::PluginReport check_plugin(shell::VerbContext& ctx, std::string directory) override;
    env::task<result<void>> watch_state(shell::VerbContext& ctx) override;
    std::string lua_reference(const std::string& format) override;

  private:
    void add_primitives();

    shell::Surroundings& surroundings_;
    shell::VerbRegistry* without_plugins_;
    shell::VerbRegistry verbs_;
    macros::AddedPrimitives primitives_;
    Plugins plugins_;
    Shell shell_;
};

} // namespace mars::lua
