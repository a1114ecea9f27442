// SPDX-License-Identifier: GPL-2.0-or-later
// What the tree tells of a resource between two hosts: whether a handover is under way or was not finished, and whether
// the application runs where it is wanted. Pure functions, for marsd, the macros and whoever shows a state.
// Keys: docs/formats/tree.md. Tests: tests/unit/tree/handover_state_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "kernel/tree/handover_note.hpp"
#include "kernel/tree/view.hpp"

namespace mars::tree {

// Whether something is heard of a host, in the window of whoever asks.
using IsHeard = std::function<bool(const std::string& host)>;

struct Handover {
    enum class Kind { none, under_way, unfinished };

    Kind kind = Kind::none;
    HandoverNote note;
    std::string host;       // where the command was given
    Stamp since;            // of the phase
    bool is_silent = false; // not known to be abandoned, but nothing is heard of `host`
};

// Of several notes that which is under way counts, then the newest one. An unfinished one counts until is_settled().
Handover find_handover(const View& view, std::string_view resource, const IsHeard& is_heard);
// What the handover was about has been decided since, so its note is of no use any more: some host is primary, and the
// application runs there or is wanted nowhere; or a third host has become primary after the note was written; or nobody
// is, and somebody has said after that that the application shall run nowhere.
bool is_settled(const View& view, std::string_view resource, const HandoverNote& note, Stamp written);

struct Application {
    enum class Kind {
        none,        // there is no unit, or it is wanted nowhere
        running,     // the unit is active where it is wanted, and the device in use
        not_running, // wanted on the designated primary (or nobody is that), but it does not run
        elsewhere,   // wanted on a host that is not the designated primary
        unknown      // nothing is heard of the primary, where it is wanted
    };

    Kind kind = Kind::none;
    std::string unit;
    std::string wanted;      // host
    std::string primary;     // the designated one; empty: nobody
    bool has_device = false; // at `wanted`
    bool has_failed = false; // its last start at `wanted`
    std::string unit_state;  // of the unit at `wanted`, in systemd's words, as it was told; empty: is not told
};

// Without `is_heard` what is known last is taken as true.
Application find_application(const View& view, std::string_view resource, const IsHeard& is_heard = {});

// "HandoverUnderWay", "HandoverUnfinished", "Running", "WantedNotRunning", "WantedElsewhere", "Unknown"; empty for
// none.
std::string_view word_of(const Handover& handover);
std::string_view word_of(const Application& application);
// One sentence with what to do next; empty when there is nothing to do.
std::string sentence_of(const Handover& handover, std::string_view resource, Stamp now);
std::string sentence_of(const Application& application, std::string_view resource);

} // namespace mars::tree
