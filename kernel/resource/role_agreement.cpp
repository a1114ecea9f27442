// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/role_agreement.hpp"

namespace mars::resource {

// The host was stopped in order after it had seen this version of `primary`: it asks before it takes the role.
bool RoleAgreement::is_stopped(const std::string& host) const {
    const auto seen = host_.tree.get(view_.key("actual-" + host + "/primary-seen"));
    const auto stopped = host_.tree.get("actual-" + host + "/stopped");
    return seen && stopped && seen->stamp < stopped->stamp && host_.tree.value("actual-" + host + "/alive") == "0";
}

// It knew by then that nobody is designated.
bool RoleAgreement::has_said_goodbye(const std::string& host) const {
    const auto seen = host_.tree.value(view_.key("actual-" + host + "/primary-seen"));
    return seen.starts_with(std::string(tree::kNone) + ",") && is_stopped(host);
}

// Members that have not yet seen that this host is to be primary, or are primary themselves: those that can be reached;
// the primary before this one in any case, because it is who decides between two that want to follow it; and if that
// has said goodbye, all.
// What these have written until then may still be under way: those that can be reached answer once more.
std::string RoleAgreement::unaware_members(bool is_at_work) {
    const auto primary = host_.tree.get(view_.key("primary"));
    if (!primary || primary->value != host_.me() || is_at_work) {
        asked_.reset();
        return "";
    }
    if (note_.seen() != RoleNote::text_of(*primary)) return host_.me(); // not durable
    const auto before = host_.tree.value(view_.key("userspace/prev-primary"));
    const bool decide_all = before != host_.me() && has_said_goodbye(before);
    // A forced switch waits for nobody who may be dead, and not for an application at the old primary.
    const bool is_forced = view_.was_forced(host_.me());
    std::string found;
    std::vector<std::string> to_answer;
    for (const auto& host : view_.storage_members()) {
        if (host == host_.me()) continue;
        const auto actual = view_.key("actual-" + host) + "/";
        const auto seen = host_.tree.value(actual + "primary-seen");
        const bool is_rival = seen.starts_with(host + ","); // it believes that it is the one itself
        if (host == before ? has_said_goodbye(host) : is_stopped(host)) continue;
        const bool is_in_use = host_.tree.number(actual + "open-count").value_or(0) > 0;
        if (is_forced && (!host_.is_reachable(host) || is_in_use)) continue;
        const bool decides = decide_all || host == before;
        if (!decides && !host_.is_reachable(host) && !(is_rival && host_.is_alive(host))) continue;
        const bool has_seen = seen == note_.seen() || seen.empty(); // releases that do not tell
        if (has_seen && !host_.tree.flag(actual + "is-primary")) {
            if (!seen.empty() && host_.is_reachable(host)) to_answer.push_back(host);
            continue;
        }
        found += (found.empty() ? "" : ", ") + host;
    }
    if (!found.empty() || to_answer.empty()) {
        asked_.reset();
        return found;
    }
    if (!asked_) {
        const auto asked = host_.questions.ask();
        if (!asked) return host_.me(); // a full /mars: tried again
        asked_ = *asked;
    }
    for (const auto& host : to_answer)
        if (!host_.questions.has_answered(host, *asked_)) found += (found.empty() ? "" : ", ") + host;
    return found;
}

} // namespace mars::resource
