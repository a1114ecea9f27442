// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/health/patient.hpp"

#include "kernel/format/replay_link.hpp"

namespace mars::shell {

std::string Patient::since(Stamp stamp) const {
    return stamp > now() ? std::string() : "for " + tree::age_text(now() - stamp);
}

std::string Patient::command(const std::string& host, const std::string& arguments) const {
    return host == me() ? "marsadm " + arguments : "marsadm @" + host + " " + arguments;
}

std::string Patient::of_host(std::string_view resource, const std::string& host, std::string_view key) const {
    return view.value(tree::resource_key(resource, "actual-" + host + "/" + std::string(key)));
}

bool Patient::is_on(std::string_view resource, const std::string& host, std::string_view indicator) const {
    return view.flag(tree::resource_key(resource, "actual-" + host + "/" + std::string(indicator)));
}

bool Patient::is_complete(std::string_view resource, const std::string& host) const {
    if (tree::is_primary(view, resource, host)) return true;
    const auto size = view.number(tree::resource_key(resource, "size")).value_or(0);
    if (size <= 0 || view.number(tree::resource_key(resource, "syncstatus-" + host)).value_or(0) < size) return false;
    const auto synced = view.get_value(tree::resource_key(resource, "syncpos-" + host));
    if (!synced) return true;
    return format::compare_progress(
               format::ReplayLink::parse(view.value(tree::resource_key(resource, "replay-" + host))),
               format::ReplayLink::parse(*synced)) >= 0;
}

} // namespace mars::shell
