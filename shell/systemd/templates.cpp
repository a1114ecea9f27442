// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/templates.hpp"

#include <algorithm>
#include <set>

#include "kernel/base/plain_text.hpp"
#include "kernel/base/split.hpp"
#include "shell/local/trust.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

constexpr std::size_t kMostTemplate = std::size_t{1} << 20;

bool is_directory(const env::Storage& storage, const std::string& path) {
    auto status = storage.status(path);
    return status && status->kind == env::FileKind::directory;
}

void load_directory(const env::Storage& storage, const Settings& settings, const std::string& directory,
                    std::set<std::string>& seen, Templates& into) {
    auto entries = storage.list(directory);
    if (!entries) {
        into.unreadable.push_back(entries.error().text);
        return;
    }
    into.directories.push_back(directory);
    for (const auto& entry : *entries) {
        if (entry.kind != env::FileKind::regular || !settings.is_kind(unit_kind(entry.name))) continue;
        if (entry.name.starts_with('.') || seen.contains(entry.name)) continue;
        auto path = directory + "/" + entry.name;
        if (!may_use("systemd template", path)) { // nor does it hide one that is trusted
            into.distrusted.push_back(path);
            continue;
        }
        seen.insert(entry.name);
        auto text = storage.read_file(path, kMostTemplate);
        auto status = storage.status(path);
        if (!text || !status) {
            into.unreadable.push_back(text ? status.error().text : text.error().text);
            continue;
        }
        into.all.push_back({entry.name, path, plain_text(*text), status->mtime.sec});
    }
}

} // namespace

bool Settings::is_kind(std::string_view kind) const {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

Settings read_settings(std::vector<std::string> path,
                       const std::function<std::optional<std::string>(const char*)>& get) {
    Settings settings;
    settings.path = std::move(path);
    auto take = [&](const char* name, std::string& into) {
        if (auto value = get(name); value && !value->empty()) into = *value;
    };
    auto take_list = [&](const char* name, char separator, std::vector<std::string>& into) {
        if (auto value = get(name); value && !value->empty()) into = split(*value, separator);
    };
    take("ETC_MARSADM", settings.etc);
    take("SYSTEMD_SUBDIR", settings.subdir);
    take("SYSTEMD_SCRIPTS_SUBDIR", settings.scripts_subdir);
    take("SYSTEMD_TARGET_DIR", settings.target);
    take_list("SYSTEMD_SYSTEM_DIRS", ',', settings.system);
    if (auto value = get("SYSTEMD_UNIT_PATH"); value && !value->empty()) {
        auto own = split(*value, ':');
        if (value->ends_with(':')) own.insert(own.end(), settings.system.begin(), settings.system.end());
        settings.system = std::move(own);
    }
    take_list("SYSTEMD_SUFFIXES", ',', settings.kinds);
    for (auto& kind : settings.kinds)
        if (kind.starts_with('.')) kind.erase(0, 1);
    take_list("SYSTEMD_PREDEFINED", ',', settings.predefined);
    take_list("SYSTEMD_WATCHER_UNITS", ',', settings.watchers);
    take_list("SYSTEMD_DEPENDENCIES", '|', settings.dependencies);
    if (auto value = get("SYSTEMD_ESCAPE"); value && value->size() == 1) settings.escape = value->front();
    if (auto value = get("SYSTEMD_INCAPE"); value && value->size() == 1) settings.incape = value->front();
    return settings;
}

Templates load_templates(const env::Storage& storage, const Settings& settings) {
    Templates templates;
    std::set<std::string> seen;
    for (const auto& directory : settings.path) {
        auto sub = directory + "/" + settings.subdir;
        if (is_directory(storage, sub))
            load_directory(storage, settings, sub, seen, templates);
        else if (directory.starts_with('/') && is_directory(storage, directory))
            load_directory(storage, settings, directory, seen, templates);
    }
    std::sort(templates.all.begin(), templates.all.end(),
              [](const Template& a, const Template& b) { return a.path < b.path; });
    return templates;
}

bool is_plain_name(const Settings& settings, std::string_view name) {
    // "getty@.service" is a template of systemd itself, not of ours: an introducer is followed by a name and a brace.
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != settings.escape && name[i] != settings.incape) continue;
        auto rest = name.substr(i + 1);
        auto brace = rest.find('{');
        if (brace == std::string_view::npos) continue;
        auto word = rest.substr(0, brace);
        if (std::all_of(word.begin(), word.end(),
                        [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; }))
            return false;
    }
    return true;
}

bool has_marker(std::string_view text, std::string_view marker) {
    while (!text.empty()) {
        auto line = take_part(text, '\n');
        if (!line.starts_with('#')) continue;
        line.remove_prefix(1);
        while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
        while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
        if (line == marker) return true;
    }
    return false;
}

} // namespace mars::shell::systemd
