// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins: directories with a plugin.lua (manifest.hpp) below the `plugins` directories of the search path; of two with
// the same name the first counts. Manifests are read when somebody first asks what plugins there are, a plugin's code
// when something of it is first called, all in one interpreter. A plugin that cannot be used is reported once and left
// out. Verbs that plugins run fire no events to plugins, so that they cannot call each other without end.
// Tests: tests/unit/lua/manifest_test.cpp, tests/shell/plugins_test.py.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lua/interpreter.hpp"
#include "lua/manifest.hpp"
#include "lua/plugin_settings.hpp"
#include "shell/command/hooks.hpp"
#include "shell/command/scripting.hpp"
#include "shell/command/verb_registry.hpp"
#include "shell/local/trust.hpp"

namespace mars::lua {

class Plugins final : public shell::Hooks {
  public:
    // Plugins run verbs in `surroundings` (but for the hooks), whose members outlive this, with `defaults` as options.
    Plugins(const shell::Surroundings& surroundings, shell::Options defaults, PluginSettings settings);
    ~Plugins() override;

    // Shell side.
    bool listens(std::string_view name) override;
    env::task<result<void>> fire(shell::Event event) override;
    void add_verbs(shell::VerbRegistry& registry);
    std::vector<shell::PluginReport> reports();
    // Reads the manifest and loads the code; every function that the manifest names must be there.
    shell::PluginReport check(const std::string& directory);

    // Macro side: the primitives, and a call of one. `name` as in the manifest. Failure: plugin.broken.
    std::vector<const PluginPrimitive*> primitives();
    result<std::string> call_primitive(const std::string& name, const std::vector<std::string>& arguments);

  private:
    struct Plugin {
        Manifest manifest;
        std::string trouble;                       // not empty: not used
        std::optional<shell::Distrust> distrust{}; // the trouble, when it is this
        std::string directory;
        bool is_loaded = false;
        Reference functions;
    };

    void read_all();
    Plugin read(const std::string& directory);
    result<void> load(Plugin& plugin);
    void disable(Plugin& plugin, const std::string& why);
    result<void> push_function(lua_State* L, Plugin& plugin, const std::string& name);
    env::task<result<shell::Step>> run_verb(Plugin& plugin, const std::string& function, shell::VerbContext& ctx);
    env::task<result<void>> call_hook(Plugin& plugin, const PluginHook& hook, const shell::Event& event);
    shell::PluginReport report(const Plugin& plugin) const;
    Interpreter& interpreter();

    shell::Surroundings surroundings_; // without hooks
    shell::Options defaults_;
    PluginSettings settings_;
    bool is_read_ = false;
    std::unique_ptr<Interpreter> interpreter_; // outlives the references in plugins_
    std::vector<std::unique_ptr<Plugin>> plugins_;
};

} // namespace mars::lua
