// SPDX-License-Identifier: GPL-2.0-or-later
// WriteBurst: the value of actual-HOST/write-burst: when a primary has begun to write after a pause, and behind which
// position of its logs. "STAMP,LOG,POS". Tests: tests/unit/tree/news_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/stamp.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::tree {

struct WriteBurst {
    Stamp begin; // not later than the first write
    format::LogPosition after;

    bool operator==(const WriteBurst&) const = default;

    std::string text() const { return begin.text() + "," + after.text(); }
    static std::optional<WriteBurst> parse(std::string_view text) {
        const auto comma = text.find(',');
        if (comma == std::string_view::npos) return std::nullopt;
        const auto stamp = Stamp::parse(text.substr(0, comma));
        const auto position = format::LogPosition::parse(text.substr(comma + 1));
        if (!stamp || !position) return std::nullopt;
        return WriteBurst{*stamp, *position};
    }
};

} // namespace mars::tree
