// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/version_link.hpp"

#include <algorithm>
#include <utility>

#include "kernel/format/digest.hpp"

namespace mars::format {

namespace {

constexpr std::size_t kDigestDigits = 32;

bool is_digest(std::string_view text) {
    return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

} // namespace

std::string VersionLink::head() const {
    return digest + "," + log.text() + "," + std::to_string(length);
}

std::string VersionLink::text() const {
    return head() + ":" + prev;
}

std::optional<VersionLink> VersionLink::parse(std::string_view text) {
    if (text.size() > kMaxValueBytes || text.find(':') == std::string_view::npos) return std::nullopt;
    const auto fields = split_fields(version_head(text));
    if (fields.size() < 3 || !is_digest(fields[0])) return std::nullopt;
    auto log = LogName::parse(fields[1]);
    const auto length = parse_bytes(fields[2]);
    if (!log || !length) return std::nullopt;
    return VersionLink{std::string(fields[0]), *std::move(log), *length, std::string(version_prev(text))};
}

VersionLink make_version(const LogName& log, std::int64_t length, std::string_view previous) {
    if (log.seq <= 1) previous = {};
    return {version_digest(log.seq, log.host, length, previous), log, length, std::string(version_head(previous))};
}

VersionLink make_zero_version(const LogName& log, std::string_view prev) {
    return {std::string(kDigestDigits, '0'), log, 0, std::string(prev)};
}

std::string version_digest(std::int64_t seq, std::string_view origin, std::int64_t length, std::string_view previous) {
    std::string input = std::to_string(seq) + ",";
    input += origin;
    input += "," + std::to_string(length) + ":";
    input += previous;
    return md5_hex(input);
}

std::string_view version_head(std::string_view value) {
    return value.substr(0, value.find(':'));
}

std::string_view version_prev(std::string_view value) {
    const auto colon = value.find(':');
    return colon == std::string_view::npos ? std::string_view{} : value.substr(colon + 1);
}

std::optional<LogPosition> head_position(std::string_view head) {
    const auto last = head.rfind(',');
    if (last == std::string_view::npos) return std::nullopt;
    const auto before = head.substr(0, last).rfind(',');
    return LogPosition::parse(before == std::string_view::npos ? head : head.substr(before + 1));
}

} // namespace mars::format
