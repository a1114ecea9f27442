// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/health/doctor.hpp"

#include <algorithm>
#include <set>

#include "shell/command/hosts.hpp"

namespace mars::shell {

namespace {

std::set<std::string> set_of(const std::vector<std::string>& names) {
    return {names.begin(), names.end()};
}

} // namespace

void Examination::add(Weight weight, const std::string& host, std::string what, std::string why,
                      std::vector<std::string> cures) {
    found.push_back({weight, check, resource, host, std::move(what), std::move(why), std::move(cures)});
}

std::vector<Check> health_checks() {
    std::vector<Check> all;
    for (auto rows : {checks_of_hosts(), checks_of_resources(), checks_of_replicas()})
        all.insert(all.end(), rows.begin(), rows.end());
    return all;
}

std::vector<Finding> examine(const Patient& patient, const std::vector<std::string>& only) {
    std::vector<Finding> found;
    const auto resources = only.empty() ? all_resources(patient.view) : only;
    std::set<std::string> hosts{patient.me()};
    if (only.empty()) hosts.merge(set_of(total_hosts(patient.view)));
    for (const auto& resource : only) hosts.merge(set_of(hosts_of(patient.view, resource)));
    for (const auto& check : health_checks()) {
        if (!check.is_of_resource) {
            Examination examination{patient, check.name, {}, {hosts.begin(), hosts.end()}, found};
            check.examine(examination);
            continue;
        }
        for (const auto& resource : resources) {
            Examination examination{patient, check.name, resource, members_of(patient.view, resource), found};
            check.examine(examination);
        }
    }
    for (auto& finding : found) {
        const auto silence = finding.host.empty() || finding.check == "silence" || finding.check == "marsd"
                                 ? std::nullopt
                                 : tree::silence_of(patient.view, finding.host, patient.looker);
        if (silence && silence->heard)
            finding.why += (finding.why.empty() ? "as of " : "; as of ") +
                           tree::clock_text(*silence->heard, patient.now()) + ", when it was heard of last";
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
    return found;
}

int status_of(const std::vector<Finding>& found) {
    int status = 0;
    for (const auto& finding : found) status = std::max(status, finding.weight == Weight::error ? 2 : 1);
    return status;
}

std::string report_of(const std::vector<Finding>& found) {
    std::string text;
    std::size_t errors = 0;
    for (const auto& finding : found) {
        errors += finding.weight == Weight::error;
        text += finding.weight == Weight::error ? "ERROR: " : "WARNING: ";
        if (!finding.resource.empty()) text += "resource " + finding.resource + (finding.host.empty() ? ": " : " ");
        if (!finding.host.empty()) text += "on host " + finding.host + ": ";
        text += finding.what + "\n";
        if (!finding.why.empty()) text += "    why: " + finding.why + "\n";
        for (const auto& cure : finding.cures) text += "    next: " + cure + "\n";
    }
    if (found.empty()) return "all right\n";
    const auto warnings = found.size() - errors;
    return text + std::to_string(errors) + (errors == 1 ? " error, " : " errors, ") + std::to_string(warnings) +
           (warnings == 1 ? " warning\n" : " warnings\n");
}

Advice advice_of(std::string_view text) {
    constexpr std::string_view kNext = "; next: ";
    const auto at = text.find(kNext);
    if (at == std::string_view::npos) return {std::string(text), {}};
    return {std::string(text.substr(0, at)), {std::string(text.substr(at + kNext.size()))}};
}

} // namespace mars::shell
