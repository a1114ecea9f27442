// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/unit_names.hpp"

#include <algorithm>
#include <array>

#include "kernel/base/split.hpp"

namespace mars::shell::systemd {

namespace {

constexpr std::size_t kMostName = 255;

constexpr std::array<std::string_view, 11> kKinds{"service", "socket", "device", "mount", "automount", "swap",
                                                  "target",  "path",   "timer",  "slice", "scope"};

// systemd.special(7), and what nearly every unit file refers to. Sorted.
constexpr std::array<std::string_view, 68> kPredefined{
    "-.mount",
    "-.slice",
    "basic.target",
    "bluetooth.target",
    "cryptsetup-pre.target",
    "cryptsetup.target",
    "ctrl-alt-del.target",
    "dbus.service",
    "dbus.socket",
    "default.target",
    "display-manager.service",
    "emergency.target",
    "exit.target",
    "factory-reset.target",
    "final.target",
    "first-boot-complete.target",
    "getty-pre.target",
    "getty.target",
    "graphical-session-pre.target",
    "graphical-session.target",
    "graphical.target",
    "halt.target",
    "hibernate.target",
    "hybrid-sleep.target",
    "init.scope",
    "initrd-fs.target",
    "initrd-root-device.target",
    "initrd-root-fs.target",
    "initrd-switch-root.target",
    "initrd-usr-fs.target",
    "initrd.target",
    "integritysetup-pre.target",
    "integritysetup.target",
    "kbrequest.target",
    "kexec.target",
    "local-fs-pre.target",
    "local-fs.target",
    "machine.slice",
    "multi-user.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "nss-lookup.target",
    "nss-user-lookup.target",
    "paths.target",
    "poweroff.target",
    "printer.target",
    "reboot.target",
    "remote-cryptsetup.target",
    "remote-fs-pre.target",
    "remote-fs.target",
    "rescue.target",
    "rpcbind.target",
    "shutdown.target",
    "sigpwr.target",
    "sleep.target",
    "slices.target",
    "smartcard.target",
    "sockets.target",
    "sound.target",
    "suspend.target",
    "swap.target",
    "sysinit.target",
    "system.slice",
    "time-set.target",
    "time-sync.target",
    "timers.target",
    "umount.target",
};

bool is_plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
           c == '.';
}

} // namespace

std::string escape_path(std::string_view path) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    while (!path.empty()) {
        auto part = take_part(path, '/');
        if (part.empty()) continue;
        if (!out.empty()) out += '-';
        for (std::size_t i = 0; i < part.size(); ++i) {
            const auto byte = static_cast<unsigned char>(part[i]);
            if (is_plain(part[i]) && !(part[i] == '.' && out.empty())) {
                out += part[i];
            } else {
                out += "\\x";
                out += digits[byte >> 4];
                out += digits[byte & 15];
            }
        }
    }
    return out.empty() ? "-" : out;
}

std::string_view unit_kind(std::string_view name) {
    auto dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

bool is_unit_name(std::string_view name) {
    auto kind = unit_kind(name);
    if (name.size() > kMostName || kind.size() + 1 >= name.size()) return false;
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_plain(c) || c == '-' || c == '\\' || c == '@'; });
}

std::string template_of_instance(std::string_view name) {
    auto at = name.find('@');
    auto dot = name.rfind('.');
    if (at == std::string_view::npos || dot == std::string_view::npos || dot <= at + 1) return {};
    return std::string(name.substr(0, at + 1)) + std::string(name.substr(dot));
}

bool is_predefined(std::string_view name) {
    return std::binary_search(kPredefined.begin(), kPredefined.end(), name) || name.starts_with("systemd-");
}

} // namespace mars::shell::systemd
