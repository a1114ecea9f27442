// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/plugin_settings.hpp"

#include <cctype>

#include "kernel/base/plain_text.hpp"
#include "kernel/base/split.hpp"
#include "kernel/base/trim.hpp"
#include "lua/values.hpp"
#include "shell/local/trust.hpp"
#include "shell/words/reason.hpp"

namespace mars::lua {

namespace {

// "MARS_NOTIFY_CHANNEL".
std::string environment_name(const std::string& plugin, const std::string& tunable) {
    std::string name = "MARS_" + underscored(plugin) + "_" + underscored(tunable);
    for (auto& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

} // namespace

result<void> configure(Manifest& manifest, const PluginSettings& settings, const env::Storage& storage) {
    auto set = [&](const std::string& name, std::string_view value, const std::string& where) -> result<void> {
        for (auto& tunable : manifest.tunables)
            if (tunable.name == name) return set_tunable(tunable, value, where);
        return shell::refusal("plugin.broken", where + ": the plugin " + manifest.name + " has no tunable " + name);
    };
    auto file = storage.read_file(settings.configuration, kFileBytes);
    const auto text = plain_text(file ? *file : std::string());
    std::string_view rest = text;
    if (!rest.empty() && !shell::may_use("configuration", settings.configuration)) rest = {};
    const auto prefix = manifest.name + ".";
    for (int number = 1; !rest.empty(); ++number) {
        const auto line = trim(take_part(rest, '\n'));
        auto equal = line.find('=');
        if (!line.starts_with(prefix) || equal == std::string_view::npos) continue;
        MARS_TRY_VOID(set(std::string(trim(line.substr(prefix.size(), equal - prefix.size()))),
                          trim(line.substr(equal + 1)), settings.configuration + " line " + std::to_string(number)));
    }
    for (auto& tunable : manifest.tunables) {
        auto name = environment_name(manifest.name, tunable.name);
        if (auto found = settings.environment.find(name); found != settings.environment.end())
            MARS_TRY_VOID(set_tunable(tunable, found->second, "$" + name));
    }
    return {};
}

} // namespace mars::lua
