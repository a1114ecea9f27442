// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/words/size.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include "kernel/base/number.hpp"

namespace mars::shell {

namespace {

__extension__ typedef unsigned __int128 Wide; // 63 bits times 50 bits

constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::uint64_t power(std::uint64_t base, std::size_t exponent) {
    std::uint64_t product = 1;
    while (exponent-- > 0) product *= base;
    return product;
}

// The factor of a suffix letter; 0 for none.
std::uint64_t factor(char suffix) {
    constexpr std::string_view decimal = "kmgtp";
    constexpr std::string_view binary = "KMGTP";
    if (auto i = decimal.find(suffix); i != std::string_view::npos) return power(1000, i + 1);
    if (auto i = binary.find(suffix); i != std::string_view::npos) return power(1024, i + 1);
    return 0;
}

} // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t unit = 1;
    if (!text.empty() && factor(text.back()) != 0) {
        unit = factor(text.back());
        text.remove_suffix(1);
    }
    auto dot = text.find('.');
    auto whole = parse_number<std::uint64_t>(text.substr(0, dot));
    if (!whole) return std::nullopt;
    Wide bytes = Wide(*whole) * unit;
    if (dot != std::string_view::npos) {
        auto digits = text.substr(dot + 1);
        auto fraction = parse_number<std::uint64_t>(digits);
        if (!fraction || digits.size() > 15) return std::nullopt;
        bytes += Wide(*fraction) * unit / power(10, digits.size());
    }
    if (bytes > kLargest) return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    auto scaled = static_cast<double>(bytes);
    while (scaled >= 1024 && unit + 1 < units.size()) {
        scaled /= 1024;
        ++unit;
    }
    char buffer[80];
    if (unit == 0)
        std::snprintf(buffer, sizeof buffer, "%llu bytes", static_cast<unsigned long long>(bytes));
    else
        std::snprintf(buffer, sizeof buffer, "%.3f %s (%llu bytes)", scaled, units[unit],
                      static_cast<unsigned long long>(bytes));
    return buffer;
}

} // namespace mars::shell
