// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/log_name.hpp"

#include <cstdio>

#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"

namespace mars::format {

namespace {

constexpr std::size_t kMaxDigits = 18; // of a number, without zeros in front

std::optional<std::int64_t> parse_log_number(std::string_view digits) {
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    if (digits.size() > kMaxDigits) return std::nullopt;
    return parse_bytes(digits);
}

} // namespace

std::string LogName::text() const {
    return numbered_name("log", seq, host);
}

std::optional<LogName> LogName::parse(std::string_view text) {
    return parse_numbered_name("log", text);
}

std::string LogPosition::text() const {
    return log.text() + "," + std::to_string(pos);
}

std::optional<LogPosition> LogPosition::parse(std::string_view text) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    auto log = LogName::parse(text.substr(0, comma));
    const auto pos = parse_bytes(text.substr(comma + 1));
    if (!log || !pos) return std::nullopt;
    return LogPosition{*std::move(log), *pos};
}

std::string numbered_name(std::string_view prefix, std::int64_t seq, std::string_view host) {
    char number[32];
    std::snprintf(number, sizeof number, "-%09lld-", static_cast<long long>(seq));
    std::string name(prefix);
    name += number;
    name += host;
    return name;
}

std::optional<LogName> parse_numbered_name(std::string_view prefix, std::string_view text) {
    if (text.size() > kMaxValueBytes || !text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    if (text.empty() || text.front() != '-') return std::nullopt;
    text.remove_prefix(1);
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto seq = parse_log_number(text.substr(0, dash));
    const auto host = text.substr(dash + 1);
    if (!seq || !is_identifier(host)) return std::nullopt;
    return LogName{*seq, std::string(host)};
}

std::string version_key(std::int64_t seq, std::string_view host) {
    return numbered_name("version", seq, host);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
    if (text.empty() || text.front() == '-') return std::nullopt;
    return parse_number<std::int64_t>(text);
}

std::vector<std::string_view> split_fields(std::string_view text, char separator) {
    std::vector<std::string_view> fields;
    for (;;) {
        const auto at = text.find(separator);
        fields.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return fields;
        text.remove_prefix(at + 1);
    }
}

} // namespace mars::format
