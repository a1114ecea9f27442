// SPDX-License-Identifier: GPL-2.0-or-later
// How a failed comparison shows contents of disks and logs: megabytes in words would take the test runner for ever.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace Catch {

template<>
struct StringMaker<std::vector<std::byte>> {
    static std::string convert(const std::vector<std::byte>& bytes) {
        auto text = std::to_string(bytes.size()) + " bytes:";
        for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 32); ++i) {
            char digits[8];
            std::snprintf(digits, sizeof digits, " %02x", std::to_integer<unsigned>(bytes[i]));
            text += digits;
        }
        return text + (bytes.size() > 32 ? " …" : "");
    }
};

} // namespace Catch
