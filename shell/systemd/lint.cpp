// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/lint.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "kernel/base/split.hpp"
#include "kernel/base/trim.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

// For templates that no resource of this host uses, and for hosts without any.
constexpr std::string_view kSample = "some-resource";

// The section that only units of this kind have; empty for kinds without one.
std::string own_section(std::string_view kind) {
    if (kind == "target" || kind == "device") return {};
    std::string name(kind);
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    return name;
}

class UnitLint {
  public:
    UnitLint(std::string_view name, std::string place)
        : name_(name), kind_(unit_kind(name)), place_(std::move(place)) {}

    std::vector<Finding> run(std::string_view text);

  private:
    void note(std::size_t line, std::string text, bool is_error = true) {
        findings_.push_back({place_ + ":" + std::to_string(line), std::move(text), is_error});
    }
    void line(std::string_view text, std::size_t number);
    void section(std::string_view text, std::size_t number);
    void check_whole();

    std::string name_;
    std::string kind_;
    std::string place_;
    std::string section_;
    std::set<std::string> sections_;
    std::map<std::string, std::string> values_; // the last one of each key
    std::vector<Finding> findings_;
};

void UnitLint::section(std::string_view text, std::size_t number) {
    if (!text.ends_with(']')) {
        note(number, "the section header '" + std::string(text) + "' has no closing bracket");
        return;
    }
    section_ = std::string(text.substr(1, text.size() - 2));
    const auto own = own_section(kind_);
    const bool is_known = section_ == "Unit" || section_ == "Install" || section_ == own || section_.starts_with("X-");
    if (!is_known)
        note(number, "units of the kind ." + kind_ + " have no section [" + section_ + "]; expected [Unit]" +
                         (own.empty() ? "" : ", [" + own + "]") + ", [Install]");
    sections_.insert(section_);
}

void UnitLint::line(std::string_view text, std::size_t number) {
    if (text.empty() || text.front() == '#' || text.front() == ';') return;
    if (text.front() == '[') return section(text, number);
    auto equal = text.find('=');
    auto key = std::string(trim(text.substr(0, equal)));
    if (equal == std::string_view::npos)
        return note(number, "expected KEY=VALUE, a [Section] or a comment, found '" + std::string(text) + "'");
    if (section_.empty()) return note(number, "'" + key + "=' stands before the first [Section]");
    const bool is_key = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '_';
    });
    if (!is_key) return note(number, "'" + key + "' cannot be the name of a setting");
    values_[key] = std::string(trim(text.substr(equal + 1)));
}

void UnitLint::check_whole() {
    constexpr std::array<std::string_view, 6> kNeeded{"service", "mount", "path", "socket", "timer", "automount"};
    const auto own = own_section(kind_);
    if (std::find(kNeeded.begin(), kNeeded.end(), kind_) != kNeeded.end() && !sections_.contains(own))
        note(1, "the section [" + own + "] is missing");
    if (kind_ == "mount" && values_.contains("Where") && escape_path(values_["Where"]) + ".mount" != name_)
        note(1, "a mount on " + values_["Where"] + " must be called " + escape_path(values_["Where"]) + ".mount, not " +
                    name_);
    if (kind_ == "mount" && sections_.contains(own) && (!values_.contains("Where") || !values_.contains("What")))
        note(1, "[Mount] needs What= and Where=");
    if (kind_ == "path" && sections_.contains(own) && std::none_of(values_.begin(), values_.end(), [](const auto& v) {
            return v.first.starts_with("Path") || v.first == "DirectoryNotEmpty";
        }))
        note(1, "[Path] watches nothing: PathExists=, PathChanged=, PathModified= or DirectoryNotEmpty= is missing");
}

std::vector<Finding> UnitLint::run(std::string_view text) {
    std::size_t number = 0;
    std::string whole; // a line with its continuations
    std::size_t begin = 1;
    while (!text.empty()) {
        auto raw = take_part(text, '\n');
        ++number;
        if (whole.empty()) begin = number;
        auto part = trim(raw);
        if (part.ends_with('\\') && !part.starts_with('#')) {
            whole += std::string(part.substr(0, part.size() - 1)) + " ";
            continue;
        }
        whole += part;
        line(trim(whole), begin);
        whole.clear();
    }
    if (!whole.empty()) note(begin, "the last line ends with a backslash, but nothing follows");
    check_whole();
    return std::move(findings_);
}

// The number of header lines in front of a generated text.
std::string without_header(const Unit& unit) {
    std::string text;
    std::string_view rest = unit.content;
    while (!rest.empty()) {
        auto line = take_part(rest, '\n');
        if (!line.starts_with("###")) text += std::string(line) + "\n";
    }
    return text;
}

void lint_text(const Unit& unit, std::vector<Finding>& all) {
    const auto text = without_header(unit);
    if (unit.is_script) {
        if (!text.starts_with("#!")) all.push_back({unit.template_path + ":1", "a script must begin with #!", true});
        return;
    }
    auto found = lint_unit(unit.name, text, unit.template_path);
    all.insert(all.end(), found.begin(), found.end());
}

// A template that nothing refers to at the moment is tried with a sample, so that its mistakes show as well.
void lint_unused(const GeneratorInput& input, const Template& source, std::vector<Finding>& all) {
    Expansion expansion(input.context, input.settings);
    const std::string resource = input.resources.empty() ? std::string(kSample) : input.resources.front();
    expansion.begin(resource);
    std::string name = source.name;
    for (auto at = name.find(std::string(1, input.settings.incape) + "{"); at != std::string::npos;
         at = name.find(std::string(1, input.settings.incape) + "{")) {
        auto end = name.find('}', at);
        if (end == std::string::npos) {
            all.push_back({source.path, "the name has a '^{' without '}'", true});
            return;
        }
        expansion.set(name.substr(at + 2, end - at - 2), kSample);
        name.replace(at, end - at + 1, escape_path(kSample));
    }
    auto expanded = expansion.expand(name, source.path);
    auto text = expansion.expand(source.text, source.path);
    for (const auto& part : {expanded, text})
        if (!part) all.push_back({source.path, part.error().text, true});
    auto& more = expansion.findings();
    all.insert(all.end(), more.begin(), more.end());
    if (!expanded || !text) return;
    if (unit_kind(*expanded) != "script" && !is_unit_name(*expanded)) {
        all.push_back({source.path, "the name gives no unit: '" + *expanded + "'", true});
        return;
    }
    Unit unit;
    unit.name = *expanded;
    unit.template_path = source.path;
    unit.is_script = unit_kind(*expanded) == "script";
    unit.content = *text;
    lint_text(unit, all);
    all.push_back({source.path, "no unit is made from it: nothing refers to " + *expanded, false});
}

} // namespace

std::vector<Finding> lint_unit(std::string_view name, std::string_view text, const std::string& place) {
    return UnitLint(name, place).run(text);
}

std::vector<Finding> lint_templates(const GeneratorInput& input) {
    auto generation = generate_units(input);
    auto all = std::move(generation.findings);
    std::set<std::string> used;
    for (const auto& unit : generation.units) {
        if (used.insert(unit.template_path).second) lint_text(unit, all);
    }
    for (const auto& finding : all) used.insert(finding.place); // its expansion has failed already
    for (const auto& source : input.templates.all)
        if (!used.contains(source.path)) lint_unused(input, source, all);
    std::stable_sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) { return a.place < b.place; });
    auto is_same = [](const Finding& a, const Finding& b) { return a.place == b.place && a.text == b.text; };
    all.erase(std::unique(all.begin(), all.end(), is_same), all.end());
    return all;
}

} // namespace mars::shell::systemd
