// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/handover_note.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"

namespace mars::tree {

namespace {

constexpr std::string_view kAbandoned = "abandoned";
constexpr int kMostPhase = 99;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Field 22 of /proc/PID/stat, counted behind the name of the program, which may contain anything.
std::optional<std::string> start_of(std::string_view pid) {
    const auto stat = read_file("/proc/" + std::string(pid) + "/stat");
    auto at = stat.rfind(')');
    if (at == std::string::npos) return std::nullopt;
    for (int field = 2; field < 22; ++field) {
        at = stat.find(' ', at + 1);
        if (at == std::string::npos) return std::nullopt;
    }
    return stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

std::string boot() {
    return read_file("/proc/sys/kernel/random/boot_id").substr(0, 8);
}

std::optional<std::string> identity_of(std::string_view pid) {
    const auto start = start_of(pid);
    if (!start) return std::nullopt;
    return std::string(pid) + "." + *start + "." + boot();
}

bool is_identity(std::string_view text) {
    const auto first = text.find('.');
    const auto second = text.find('.', first == std::string_view::npos ? first : first + 1);
    return second != std::string_view::npos && parse_number<int>(text.substr(0, first)) &&
           parse_number<std::int64_t>(text.substr(first + 1, second - first - 1)) && second + 1 < text.size();
}

} // namespace

std::string HandoverNote::key_name(std::string_view host) {
    return "userspace/handover-" + std::string(host);
}

std::optional<HandoverNote> HandoverNote::parse(std::string_view text) {
    const auto first = text.find(',');
    const auto second = text.find(',', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    HandoverNote note;
    note.to = std::string(text.substr(0, first));
    const auto phase = parse_number<int>(text.substr(first + 1, second - first - 1));
    const auto who = text.substr(second + 1);
    if (!is_identifier(note.to) || !phase || *phase < 0 || *phase > kMostPhase) return std::nullopt;
    note.phase = *phase;
    note.is_abandoned = who == kAbandoned;
    if (!note.is_abandoned) {
        if (!is_identity(who)) return std::nullopt;
        note.process = std::string(who);
    }
    return note;
}

std::string HandoverNote::text() const {
    return to + "," + std::to_string(phase) + "," + (is_abandoned ? std::string(kAbandoned) : process);
}

std::string own_process_identity() {
    return identity_of(std::to_string(::getpid())).value_or("0.0.unknown");
}

bool is_process_alive(std::string_view identity) {
    return is_identity(identity) && identity_of(identity.substr(0, identity.find('.'))) == identity;
}

} // namespace mars::tree
