// SPDX-License-Identifier: GPL-2.0-or-later
// ReplayCode: the value of actual-HOST/replay-code: how the last replay run of a resource ended.
// "N", "N,M" or "N,M,0xBB". Values, safe on any thread; the parser never throws.
// Spec: transaction-log 8.3, symlink-tree 2.12. Docs: docs/formats/links.md. Tests:
// tests/unit/format/replay_code_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/format/log_scan.hpp"

namespace mars::format {

struct ReplayCode {
    static constexpr int kRunning = 0;    // no result yet, or the host is primary
    static constexpr int kFinished = 1;   // everything there was is applied
    static constexpr int kIncomplete = 2; // stopped before the end without an error: torn tail, or switched off

    int code = kRunning;              // one of the above, or a negative errno
    int detail = 0;                   // 0 or a ScanDetail, −10000 … −10152
    std::optional<std::uint8_t> byte; // what an end magic was overwritten with; only together with a detail

    bool operator==(const ReplayCode&) const = default;

    // The value of the link. A detail is shown only with a code other than 0, a byte only if it is not 0.
    std::string text() const;
    // Further fields are ignored.
    static std::optional<ReplayCode> parse(std::string_view text);
    // What the end of a scan means for the run. A record or need_window is no end: aborts.
    static ReplayCode of(const ScanResult& stop);

    // The word for operators: "IncompleteLog" (−85), "UnInitializedLogRecord" (−56), "DefectiveLog" (any other negative
    // code); empty for codes from 0 on.
    std::string_view fault() const;
};

} // namespace mars::format
