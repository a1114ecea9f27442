// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of a resource as a whole: its primary, histories, handover, application.
#include "kernel/tree/handover_state.hpp"
#include "kernel/tree/heard.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/split_report.hpp"
#include "shell/health/doctor.hpp"

namespace mars::shell {

namespace {

void check_primary(Examination& e) {
    const auto& p = e.patient;
    const auto& resource = e.resource;
    const auto primary = designated_primary(p.view, resource);
    std::vector<std::string> in_fact;
    for (const auto& host : e.hosts)
        if (p.is_on(resource, host, "is-primary")) in_fact.push_back(host);
    if (!primary)
        e.add(Weight::warning, "", "no host is the designated primary",
              "so there is no device, and nothing to replicate",
              {"marsadm primary " + resource + " on the host where it shall be"});
    else if (!p.is_on(resource, *primary, "is-primary")) {
        const auto waits =
            message_at(p.view, tree::resource_key(resource, "actual-" + *primary + "/msg-inf-primary-wait"));
        auto advice = advice_of(waits ? waits->text : std::string());
        if (advice.cures.empty()) advice.cures = {p.command(*primary, "view " + resource)};
        e.add(Weight::error, *primary, "it is the designated primary, but has no device", advice.text, advice.cures);
    }
    if (in_fact.size() > 1)
        e.add(Weight::error, "", "more than one host is primary: " + in_fact[0] + ", " + in_fact[1],
              "both write histories of their own", {"stop the application on all but one; marsadm view " + resource});
    else if (in_fact.size() == 1 && in_fact[0] != primary)
        e.add(Weight::warning, in_fact[0], "it remains primary, although it is not to be any more",
              p.view.value(tree::resource_key(resource, "actual-" + in_fact[0] + "/open-count"), "0") +
                  " have the device open",
              {"fuser -vm /dev/mars/" + resource + " on " + in_fact[0] + "; umount it there"});
}

// As `view` tells it.
void check_histories(Examination& e) {
    std::string title, versions;
    std::vector<std::string> ways;
    for (auto& line : split_report(e.patient.view, e.resource)) {
        if (title.empty())
            title = std::move(line);
        else if (line.starts_with("to keep "))
            ways.push_back(std::move(line));
        else
            versions += (versions.empty() ? "" : "; ") + line;
    }
    if (!title.empty()) e.add(Weight::error, "", title, versions, std::move(ways));
}

tree::IsHeard is_heard_by(const Patient& p) {
    return [&p](const std::string& host) {
        const auto heard = tree::heard_at(p.view, host, p.now());
        return heard && p.now() - *heard < p.window;
    };
}

void check_handover(Examination& e) {
    const auto& p = e.patient;
    const auto handover = tree::find_handover(p.view, e.resource, is_heard_by(p));
    if (handover.kind != tree::Handover::Kind::unfinished) return;
    auto advice = advice_of(sentence_of(handover, e.resource, p.now()));
    e.add(Weight::error, handover.host, advice.text, "the marsadm that was to do it is gone", std::move(advice.cures));
}

// Who waits for a handover knows that the application does not run meanwhile.
void check_application(Examination& e) {
    const auto& p = e.patient;
    if (tree::find_handover(p.view, e.resource, is_heard_by(p)).kind == tree::Handover::Kind::under_way) return;
    const auto application = tree::find_application(p.view, e.resource, is_heard_by(p));
    auto advice = advice_of(sentence_of(application, e.resource));
    if (!advice.text.empty())
        e.add(Weight::error, application.wanted, advice.text, "its unit is " + application.unit,
              std::move(advice.cures));
}

constexpr Check kResourceChecks[] = {
    {"primary", "one host is primary, the designated one", true, check_primary},
    {"split-brain", "all members have one history", true, check_histories},
    {"handover", "no handover is unfinished", true, check_handover},
    {"application", "the application runs where it is wanted", true, check_application},
};

} // namespace

std::span<const Check> checks_of_resources() {
    return kResourceChecks;
}

} // namespace mars::shell
