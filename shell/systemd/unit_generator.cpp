// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/unit_generator.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "kernel/base/split.hpp"
#include "kernel/base/trim.hpp"
#include "shell/systemd/unit_names.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell::systemd {

namespace {

constexpr std::string_view kNoResource = "UNDEFINED_RESOURCE";
constexpr std::size_t kMostUnits = 10000; // a template that refers to ever new units is a mistake

// What stands behind "KEY" and "=" in a line; nullopt when the line is about something else.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
    if (!line.starts_with(key)) return std::nullopt;
    auto rest = trim(line.substr(key.size()));
    if (rest.starts_with('=')) return trim(rest.substr(1));
    if (key.starts_with('#') && (rest.empty() || line[key.size()] == ' ' || line[key.size()] == ':'))
        return rest.starts_with(':') ? trim(rest.substr(1)) : rest; // "# ALSO unit": a comment need not have a =
    return std::nullopt;
}

// Units that must exist for this one to work; an order or a wish is nothing that a missing unit disturbs.
std::vector<std::string> needed_references_of(std::string_view text) {
    Settings needs;
    needs.dependencies = {"Unit", "Service", "Sockets", "Requires", "Requisite", "BindsTo"};
    auto all = references_of(needs, text);
    std::erase_if(all, [](const std::string& name) { return unit_kind(name) == "device"; });
    return all;
}

class Generator {
  public:
    explicit Generator(const GeneratorInput& input) : in_(input), expansion_(input.context, input.settings) {}

    Generation run();

  private:
    struct Wanted {
        std::string name;
        std::string resource;   // that has mentioned it
        std::string because_of; // which unit
        bool is_needed = true;  // without it the other one cannot work
    };

    void want(std::string name, const std::string& resource, const std::string& because_of, bool is_needed = true);
    void plain_templates();
    void watchers(const std::string& resource);
    void configured(const std::string& resource);
    void make(const Wanted& wanted);
    bool make_from(const Template& source, const Wanted& wanted, const std::string& resource);
    void add(const Template& source, const std::string& name, const std::string& resource, std::string text);
    void fail(const std::string& place, const std::string& text);
    bool has_own_meaning(const std::string& name) const;
    std::vector<std::string> resources_from(const std::string& first) const;

    const GeneratorInput& in_;
    Expansion expansion_;
    Generation out_;
    std::set<std::string> known_; // asked for already
    std::vector<Wanted> queue_;
    bool has_configured_ = false;
};

void Generator::fail(const std::string& place, const std::string& text) {
    out_.findings.push_back({place, text, true});
    out_.is_complete = false;
}

void Generator::want(std::string name, const std::string& resource, const std::string& because_of, bool is_needed) {
    if (name.empty() || has_own_meaning(name) || !known_.insert(name).second) return;
    queue_.push_back({std::move(name), resource, because_of, is_needed});
}

// Units of systemd itself, and words that are no units at all: they come from the tree, and become file names.
bool Generator::has_own_meaning(const std::string& name) const {
    const auto& predefined = in_.settings.predefined;
    return is_predefined(name) || std::find(predefined.begin(), predefined.end(), name) != predefined.end() ||
           !in_.settings.is_kind(unit_kind(name)) ||
           (unit_kind(name) == "script" ? name.find('/') != std::string::npos : !is_unit_name(name));
}

void Generator::add(const Template& source, const std::string& name, const std::string& resource, std::string text) {
    Unit unit;
    unit.name = name;
    unit.resource = resource;
    unit.template_path = source.path;
    unit.mtime = source.mtime;
    unit.is_script = unit_kind(name) == "script";
    unit.path = (unit.is_script ? in_.settings.scripts() : in_.settings.target) + "/" + name;
    unit.references = references_of(in_.settings, text);
    std::string header = std::string(kGeneratedFrom) + " " + source.path + "\n### GENERATED NAME: " + name +
                         "\n### GENERATED   TO: " + unit.path +
                         "\n### TEMPLATE MTIME: " + std::to_string(source.mtime) + "\n###\n";
    for (const auto& reference : unit.references) header += "###   REF: " + reference + "\n";
    header += "###\n";
    std::size_t begin = 0;
    if (text.starts_with("#!")) begin = std::min(text.find('\n'), text.size() - 1) + 1;
    unit.content = text.insert(begin, header);
    const auto needed = needed_references_of(text);
    for (const auto& reference : unit.references)
        want(reference, resource, name, std::find(needed.begin(), needed.end(), reference) != needed.end());
    out_.units.push_back(std::move(unit));
}

void Generator::plain_templates() {
    for (const auto& source : in_.templates.all)
        if (is_plain_name(in_.settings, source.name)) known_.insert(source.name);
    for (const auto& source : in_.templates.all) {
        if (!is_plain_name(in_.settings, source.name)) continue;
        expansion_.begin(kNoResource);
        auto text = expansion_.expand(source.text, source.path);
        if (text)
            add(source, source.name, "", std::move(*text));
        else
            fail(source.path, text.error().text);
    }
}

void Generator::watchers(const std::string& resource) {
    for (const auto& pattern : in_.settings.watchers) {
        expansion_.begin(resource);
        if (auto name = expansion_.expand(pattern, "watcher " + pattern)) want(*name, resource, "");
    }
}

void Generator::configured(const std::string& resource) {
    const auto directory = tree::resource_dir(resource);
    for (const auto& key : in_.view.list(directory)) {
        if (!key.starts_with("systemd-") || !key.ends_with("-unit")) continue;
        has_configured_ = true;
        // Usually one name; of several, each is needed.
        std::string value = in_.view.value(directory + "/" + key);
        for (std::string_view rest = value; !rest.empty();) {
            auto word = take_part(rest, ' ');
            want(std::string(word), resource, "");
        }
        if (key == "systemd-start-unit" && value.find(".script") == std::string::npos && !value.empty()) {
            expansion_.begin(resource);
            if (auto name = expansion_.expand(in_.settings.companion, "companion")) want(*name, resource, "", false);
        }
    }
}

std::vector<std::string> Generator::resources_from(const std::string& first) const {
    std::vector<std::string> order;
    if (!first.empty()) order.push_back(first);
    for (const auto& resource : in_.resources)
        if (resource != first) order.push_back(resource);
    return order;
}

// True when the template is the one for this unit, whether it could be expanded or not.
bool Generator::make_from(const Template& source, const Wanted& wanted, const std::string& resource) {
    expansion_.begin(resource);
    auto variables = expansion_.match(source.name, wanted.name, source.path);
    if (!variables) {
        fail(source.path, variables.error().text);
        return false;
    }
    if (!*variables) return false;
    for (const auto& [name, value] : **variables) expansion_.set(name, value);
    auto text = expansion_.expand(source.text, source.path);
    if (text)
        add(source, wanted.name, resource, std::move(*text));
    else
        fail(source.path, "unit " + wanted.name + ": " + text.error().text);
    return true;
}

// The first template whose name matches wins; of the resources, the one that has mentioned the unit comes first.
void Generator::make(const Wanted& wanted) {
    for (const auto& source : in_.templates.all) {
        if (is_plain_name(in_.settings, source.name)) continue;
        auto plain = std::find_if(source.name.begin(), source.name.end(),
                                  [](unsigned char c) { return !std::isalnum(c) && c != '_' && c != '.'; });
        std::string prefix(source.name.begin(), plain);
        if (!wanted.name.starts_with(prefix)) continue;
        for (const auto& resource : resources_from(wanted.resource))
            if (make_from(source, wanted, resource)) return;
    }
    if (!wanted.is_needed || !has_configured_ || in_.is_installed(wanted.name)) return;
    const bool is_optional =
        wanted.because_of.empty() &&
        std::any_of(in_.settings.watchers.begin(), in_.settings.watchers.end(),
                    [&](const auto& w) { return wanted.name.starts_with(w.substr(0, w.find(in_.settings.escape))); });
    out_.findings.push_back({wanted.because_of.empty() ? "resource " + wanted.resource : "unit " + wanted.because_of,
                             "cannot find any systemd template for target unit '" + wanted.name + "'" +
                                 (is_optional ? ": without it nothing reacts to changes of this resource" : ""),
                             false});
}

Generation Generator::run() {
    plain_templates();
    for (const auto& resource : in_.resources) configured(resource);
    for (const auto& [resource, unit] : in_.also) want(unit, resource, "");
    for (const auto& resource : in_.resources) watchers(resource);
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        if (out_.units.size() >= kMostUnits) {
            fail(queue_[i].because_of, "the templates refer to more than " + std::to_string(kMostUnits) + " units");
            break;
        }
        const auto wanted = queue_[i];
        make(wanted);
    }
    for (const auto& problem : in_.templates.unreadable) fail("templates", problem);
    auto& more = expansion_.findings();
    out_.findings.insert(out_.findings.end(), more.begin(), more.end());
    std::sort(out_.units.begin(), out_.units.end(), [](const Unit& a, const Unit& b) { return a.name < b.name; });
    return std::move(out_);
}

} // namespace

const Unit* Generation::find(std::string_view name) const {
    auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
    return unit == units.end() ? nullptr : &*unit;
}

Generation generate_units(const GeneratorInput& input) {
    Generator generator(input);
    return generator.run();
}

bool is_keyword(std::string_view word) {
    return !word.empty() && word.front() >= 'A' && word.front() <= 'Z' &&
           std::all_of(word.begin(), word.end(),
                       [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

result<std::string> unit_of_keyword(const GeneratorInput& input, std::string_view resource, std::string_view keyword,
                                    std::string_view kind) {
    const auto marker = std::string(keyword) + "_" + std::string(kind);
    Expansion expansion(input.context, input.settings);
    for (const auto& source : input.templates.all) {
        if (!has_marker(source.text, marker)) continue;
        expansion.begin(resource);
        MARS_TRY(auto name, expansion.expand(source.name, source.path));
        if (is_unit_name(name)) return name;
        return refusal("unit.template", "the template " + source.path + " has the line '# " + marker +
                                            "', but its name gives no unit for a resource: '" + name + "'");
    }
    return refusal("unit.template", "no template has a line '# " + marker + "'; templates are looked for in " +
                                        (input.templates.directories.empty() ? std::string("(no directory exists)")
                                                                             : input.templates.directories.front()) +
                                        " and others: marsadm templates list");
}

std::vector<std::string> references_of(const Settings& settings, std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        auto line = take_part(text, '\n');
        for (const auto& key : settings.dependencies) {
            auto value = value_of(line, key);
            if (!value) continue;
            while (!value->empty()) {
                auto word = value->substr(0, value->find_first_of(" \t"));
                *value = trim(value->substr(word.size()));
                std::string name(word);
                if (name.find('/') != std::string::npos)
                    name = escape_path(name) + (key == "RequiresMountsFor" ? ".mount" : "");
                if (name.find('%') != std::string::npos) continue; // systemd's own specifiers
                if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(std::move(name));
            }
        }
    }
    return found;
}

bool is_generated(std::string_view content) {
    return content.starts_with(kGeneratedFrom) ||
           content.find("\n" + std::string(kGeneratedFrom)) != std::string_view::npos;
}

} // namespace mars::shell::systemd
