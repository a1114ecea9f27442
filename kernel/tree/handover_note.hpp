// SPDX-License-Identifier: GPL-2.0-or-later
// Handover note: the value of `resource-R/userspace/handover-HOST`, which marsadm at HOST keeps while it hands a role
// over. Who looks at the tree when that program has died sees what was not finished. Format: docs/formats/tree.md.
// Tests: tests/unit/tree/handover_note_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mars::tree {

// local-HOST/…: written by `primary --force` in one batch with `primary`, and valid as long as both have one stamp.
inline constexpr const char* kForcedMark = "primary-forced";

struct HandoverNote {
    std::string to;            // who shall become primary
    int phase = 0;             // of the verb, the last one that has begun
    std::string process;       // "PID.START.BOOT"; empty when abandoned
    bool is_abandoned = false; // marsd has seen that the process is gone

    static std::string key_name(std::string_view host); // "userspace/handover-HOST"
    // "TO,PHASE,PID.START.BOOT" or "TO,PHASE,abandoned". nullopt for anything else.
    static std::optional<HandoverNote> parse(std::string_view text);
    std::string text() const;
};

// Of this program: process id, its start in clock ticks since the boot, and the beginning of the boot's id.
std::string own_process_identity();
// The process with this identity runs on this host. Nonsense does not.
bool is_process_alive(std::string_view identity);

} // namespace mars::tree
