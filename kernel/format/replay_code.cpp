// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/replay_code.hpp"

#include <cstdio>

#include "kernel/base/number.hpp"
#include "kernel/base/result.hpp"
#include "kernel/format/link_values.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::format {

std::string ReplayCode::text() const {
    auto value = std::to_string(code);
    if (code == 0 || detail == 0) return value;
    value += "," + std::to_string(detail);
    if (byte.value_or(0) == 0) return value;
    char hex[8];
    std::snprintf(hex, sizeof hex, ",0x%02x", static_cast<unsigned>(*byte));
    return value + hex;
}

std::optional<ReplayCode> ReplayCode::parse(std::string_view text) {
    if (text.size() > kMaxValueBytes) return std::nullopt;
    const auto fields = split_fields(text);
    const auto number = parse_number<int>(fields[0]);
    if (!number) return std::nullopt;
    ReplayCode value;
    value.code = *number;
    if (fields.size() > 1) {
        const auto detail = parse_number<int>(fields[1]);
        if (!detail) return std::nullopt;
        value.detail = *detail;
    }
    if (fields.size() > 2) {
        const auto hex = parse_mask(fields[2]);
        if (!hex || *hex > 0xff) return std::nullopt;
        value.byte = static_cast<std::uint8_t>(*hex);
    }
    return value;
}

ReplayCode ReplayCode::of(const ScanResult& stop) {
    switch (stop.kind) {
    case ScanKind::finished:
        return {kFinished, 0, {}};
    case ScanKind::end_of_file:
    case ScanKind::incomplete:
        return {kIncomplete, static_cast<int>(stop.detail), {}};
    case ScanKind::corrupt:
        return {stop.code, static_cast<int>(stop.detail), stop.byte};
    case ScanKind::record:
    case ScanKind::need_window:
        break;
    }
    panic("ReplayCode::of: " + stop.text() + " is not the end of a scan");
}

std::string_view ReplayCode::fault() const {
    if (code >= 0) return {};
    if (code == -85) return "IncompleteLog";
    if (code == -56) return "UnInitializedLogRecord";
    return "DefectiveLog";
}

} // namespace mars::format
