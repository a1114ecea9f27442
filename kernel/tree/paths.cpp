// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/paths.hpp"

#include <algorithm>

#include "kernel/tree/question.hpp"

namespace mars::tree {

namespace {

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

failure bad_path(std::string_view path, std::string_view why) {
    return {std::errc::invalid_argument, "the key '" + shown(path) + "' " + std::string(why)};
}

result<void> check_component(std::string_view path, std::string_view name) {
    if (name.empty()) return bad_path(path, "is empty, absolute, or has an empty component");
    if (name.front() == '.') return bad_path(path, "has a component that begins with a dot");
    if (name.size() > kMaxNameBytes)
        return bad_path(path, "has a component longer than " + std::to_string(kMaxNameBytes) + " bytes");
    if (std::any_of(name.begin(), name.end(), is_control)) return bad_path(path, "has control characters");
    return {};
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return name.starts_with(prefix); });
}

bool is_any(std::string_view name, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), name) != words.end();
}

// What follows `prefix`, and for numbered keys the number and one dash: never found by splitting at the last dash (N4).
std::string_view host_in(std::string_view name, std::string_view prefix, bool numbered) {
    if (!name.starts_with(prefix)) return {};
    name.remove_prefix(prefix.size());
    if (!numbered) return name;
    const auto end = name.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos || name[end] != '-') return {};
    return name.substr(end + 1);
}

} // namespace

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 200;
    std::string clean(text.substr(0, longest));
    std::replace_if(clean.begin(), clean.end(), is_control, '?');
    return text.size() > longest ? clean + "…" : clean;
}

PathParts split_path(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return {std::string_view(), path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string join_path(std::string_view dir, std::string_view name) {
    std::string path(dir);
    if (!path.empty()) path += '/';
    return path += name;
}

result<void> check_path(std::string_view path) {
    std::size_t depth = 0;
    for (auto rest = path; depth == 0 || !rest.empty();) {
        const auto slash = rest.find('/');
        MARS_TRY_VOID(check_component(path, rest.substr(0, slash)));
        if (++depth > kMaxDepth) return bad_path(path, "is nested more than " + std::to_string(kMaxDepth) + " deep");
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
        if (rest.empty()) return bad_path(path, "ends with a slash");
    }
    return {};
}

result<void> check_value(std::string_view value) {
    if (value.empty())
        return failure(std::errc::invalid_argument, "the value is empty; write (none) for \"intentionally nothing\"");
    if (value.size() > kMaxValueBytes)
        return failure(std::errc::invalid_argument, "the value has " + std::to_string(value.size()) +
                                                        " bytes, at most " + std::to_string(kMaxValueBytes) +
                                                        " are possible");
    if (value.find('\0') != std::string_view::npos || value.find('\n') != std::string_view::npos)
        return failure(std::errc::invalid_argument, "the value contains a NUL or a newline");
    return {};
}

bool is_held_directory(std::string_view dir) {
    if (dir.empty()) return true;
    const auto [parent, name] = split_path(dir);
    if (parent.empty())
        return is_any(name, {"ips", "todo-global", "defaults", "userspace"}) ||
               starts_with_any(name, {"defaults-", "actual-", "resource-"});
    return parent.starts_with("resource-") && parent.find('/') == std::string_view::npos &&
           (is_any(name, {"userspace", "defaults"}) || starts_with_any(name, {"defaults-", "todo-", "actual-"}));
}

bool is_transferable(std::string_view path) {
    const auto [dir, name] = split_path(path);
    if (name.empty() || starts_with_any(name, {".", "ignore"}) || !is_held_directory(dir)) return false;
    // Everybody writes it about others, for himself; nobody has one about himself.
    return !(is_any(name, {"read-stamp", "read-time"}) && dir.starts_with("actual-"));
}

bool is_barrier(std::string_view path) {
    const auto [dir, name] = split_path(path);
    return dir.starts_with("actual-") && dir.find('/') == std::string_view::npos &&
           (is_any(name, {"alive", "time"}) || name.starts_with(kAnswer));
}

bool is_written_by(std::string_view path, std::string_view host) {
    const auto [dir, name] = split_path(path);
    const auto last_dir = split_path(dir).name;
    if (last_dir.starts_with("actual-")) return host_in(last_dir, "actual-", false) == host;
    if (!dir.starts_with("resource-") || dir.find('/') != std::string_view::npos || host.empty()) return false;
    for (auto prefix : {"replay-", "syncstatus-", "syncpos-", "verifystatus-", "actsize-"})
        if (host_in(name, prefix, false) == host) return true;
    return host_in(name, "version-", true) == host;
}

bool is_log_path(std::string_view path) {
    const auto [dir, name] = split_path(path);
    return dir.starts_with("resource-") && dir.find('/') == std::string_view::npos && name.starts_with("log-");
}

bool may_hold_user_data(std::string_view path) {
    return starts_with_any(split_path(path).name, {"data-", "_file-"});
}

std::string systemd_trigger_for(std::string_view path) {
    const auto [dir, name] = split_path(path);
    if (!starts_with_any(name, {"primary", "systemd"}) || split_path(dir).name == "userspace") return {};
    if (split_path(dir).name.starts_with("actual-")) return {}; // what a host has seen is no order
    if (dir == "todo-global") return "userspace/systemd-trigger";
    const auto resource = dir.substr(0, dir.find('/'));
    return resource.starts_with("resource-") ? join_path(resource, "systemd-trigger") : std::string();
}

} // namespace mars::tree
