// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/handover_state.hpp"

#include <algorithm>

namespace mars::tree {

namespace {

constexpr std::string_view kActive = "active";

std::string named_host(const View& view, const std::string& key) {
    auto value = view.value(key);
    return value == kNone ? std::string() : value;
}

std::string actual_key(std::string_view resource, std::string_view host, std::string_view name) {
    return resource_key(resource, "actual-" + std::string(host) + "/" + std::string(name));
}

// Somebody has said since `written` that the application shall run nowhere.
bool is_parked(const View& view, std::string_view resource, Stamp written) {
    const auto want = view.get(resource_key(resource, "systemd-want"));
    const bool has_units = !view.value(resource_key(resource, "systemd-start-unit")).empty();
    return has_units && want && want->value == kNone && want->stamp > written;
}

} // namespace

bool is_settled(const View& view, std::string_view resource, const HandoverNote& note, Stamp written) {
    const auto primary = view.get(resource_key(resource, "primary"));
    if (!primary || primary->value.empty() || primary->value == kNone) return is_parked(view, resource, written);
    if (primary->value != note.to && primary->stamp > written) return true;
    if (!view.flag(actual_key(resource, primary->value, "is-primary"))) return false;
    const auto kind = find_application(view, resource).kind;
    return kind == Application::Kind::none || kind == Application::Kind::running;
}

Handover find_handover(const View& view, std::string_view resource, const IsHeard& is_heard) {
    Handover found;
    for (auto& host : view.suffixes(resource_key(resource, "userspace"), "handover-")) {
        const auto link = view.get(resource_key(resource, HandoverNote::key_name(host)));
        auto note = link ? HandoverNote::parse(link->value) : std::nullopt;
        if (!note) continue;
        Handover one;
        one.is_silent = !note->is_abandoned && !is_heard(host);
        one.kind = note->is_abandoned || one.is_silent ? Handover::Kind::unfinished : Handover::Kind::under_way;
        if (one.kind == Handover::Kind::unfinished && is_settled(view, resource, *note, link->stamp)) continue;
        one.note = std::move(*note);
        one.host = host;
        one.since = link->stamp;
        const auto rank = [](const Handover& h) { return h.kind == Handover::Kind::under_way; };
        if (found.kind == Handover::Kind::none || std::pair(rank(one), one.since) > std::pair(rank(found), found.since))
            found = std::move(one);
    }
    return found;
}

Application find_application(const View& view, std::string_view resource, const IsHeard& is_heard) {
    Application found;
    found.wanted = named_host(view, resource_key(resource, "systemd-want"));
    const auto units = view.value(resource_key(resource, "systemd-start-unit"));
    found.unit = units.substr(0, units.find(' '));
    if (found.wanted.empty() || found.unit.empty()) return {};
    found.primary = named_host(view, resource_key(resource, "primary"));
    found.has_device = view.flag(actual_key(resource, found.wanted, "if-on"));
    const auto started = view.get(resource_key(resource, "userspace/systemd-status-start-" + found.wanted));
    const auto told = view.get(resource_key(resource, "userspace/systemd-application-" + found.wanted));
    // Of a mount the use of the device tells enough, also when somebody has mounted it by hand.
    if (told && !found.unit.ends_with(".mount")) found.unit_state = told->value;
    const bool has_begun_since = started && told && told->value == kActive && told->stamp > started->stamp;
    found.has_failed = started && started->value != "0" && !has_begun_since;
    const bool has_ended = !found.unit_state.empty() && found.unit_state != kActive;
    const bool is_used = view.number(actual_key(resource, found.wanted, "open-count")).value_or(0) > 0;
    if (!found.primary.empty() && found.primary != found.wanted)
        found.kind = Application::Kind::elsewhere;
    else if (!found.primary.empty() && is_heard && !is_heard(found.primary))
        found.kind = Application::Kind::unknown;
    else if (found.primary.empty() || !found.has_device || !is_used || found.has_failed || has_ended)
        found.kind = Application::Kind::not_running;
    else
        found.kind = Application::Kind::running;
    return found;
}

std::string_view word_of(const Handover& handover) {
    switch (handover.kind) {
    case Handover::Kind::under_way:
        return "HandoverUnderWay";
    case Handover::Kind::unfinished:
        return "HandoverUnfinished";
    case Handover::Kind::none:
        break;
    }
    return "";
}

std::string_view word_of(const Application& application) {
    switch (application.kind) {
    case Application::Kind::running:
        return "Running";
    case Application::Kind::not_running:
        return "WantedNotRunning";
    case Application::Kind::elsewhere:
        return "WantedElsewhere";
    case Application::Kind::unknown:
        return "Unknown";
    case Application::Kind::none:
        break;
    }
    return "";
}

std::string sentence_of(const Handover& handover, std::string_view resource, Stamp now) {
    const std::string what = "a handover to " + handover.note.to, phase = std::to_string(handover.note.phase);
    const auto age = std::to_string(std::max<std::int64_t>(now.sec - handover.since.sec, 0)) + " s";
    if (handover.kind == Handover::Kind::under_way)
        return what + " is under way (phase " + phase + ", since " + age + ")";
    if (handover.kind == Handover::Kind::none) return {};
    const auto next = "; next: marsadm primary " + std::string(resource) + " on " + handover.note.to;
    if (handover.is_silent)
        return what + " was not finished (phase " + phase + "), as far as is known: nothing is heard of " +
               handover.host + ", where the command was given" + next + ", or, if that host is lost, on another member";
    return what + " was not finished (phase " + phase + ")" + next;
}

std::string sentence_of(const Application& application, std::string_view resource) {
    const auto& a = application;
    const std::string wanted = "the application is wanted on " + a.wanted, name(resource);
    const auto begin = "marsadm primary " + name + " on " + a.wanted;
    if (a.kind == Application::Kind::elsewhere)
        return wanted + ", but " + a.primary + " is primary; next: " + begin + ", or marsadm set-systemd-want " + name +
               " " + a.primary;
    if (a.kind != Application::Kind::not_running) return {};
    if (a.primary.empty()) return wanted + ", but no host is primary; next: " + begin;
    if (!a.has_device)
        return wanted + ", but its device is not there; next: if it stays so, marsadm view " + name + " on " + a.wanted;
    const auto why = a.has_failed ? ", but its start there has failed"
                     : !a.unit_state.empty() && a.unit_state != kActive
                         ? ", but " + a.unit + " there is " + a.unit_state
                         : ", but nothing there has the device open";
    return wanted + why + "; next: systemctl status " + a.unit + " on " + a.wanted + ", then marsadm systemd-trigger " +
           name + " there";
}

} // namespace mars::tree
