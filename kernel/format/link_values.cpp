// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/link_values.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "kernel/base/characters.hpp"
#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"

namespace mars::format {

namespace {

constexpr std::size_t kMaxMessageBytes = 1023;
constexpr std::size_t kMaxMaskDigits = 8;
constexpr int kFirstVersionWithMask = 3;
constexpr std::string_view kAnyCluster = "(any)";

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string_view leading_digits(std::string_view text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

} // namespace

const std::array<KindName, 9> kKindNames{{{MARS_LOG_KIND_MD5_OLD, "CHKSUM_MD5_OLD"},
                                          {MARS_LOG_KIND_MD5, "CHKSUM_MD5"},
                                          {MARS_LOG_KIND_CRC32C, "CHKSUM_CRC32C"},
                                          {MARS_LOG_KIND_CRC32, "CHKSUM_CRC32"},
                                          {MARS_LOG_KIND_SHA1, "CHKSUM_SHA1"},
                                          {MARS_LOG_KIND_LZO, "COMPRESS_LZO"},
                                          {MARS_LOG_KIND_LZ4, "COMPRESS_LZ4"},
                                          {MARS_LOG_KIND_ZLIB, "COMPRESS_ZLIB"},
                                          {MARS_LOG_KIND_ZSTD, "COMPRESS_ZSTD"}}};

bool is_link_value(std::string_view text) {
    return !text.empty() && text.size() <= kMaxValueBytes && text.find('\n') == std::string_view::npos &&
           text.find('\0') == std::string_view::npos;
}

bool parse_flag(std::string_view text) {
    if (!text.empty() && text.front() == '-') text.remove_prefix(1);
    const auto digits = leading_digits(text);
    return std::any_of(digits.begin(), digits.end(), [](char c) { return c != '0'; });
}

std::string mask_text(KindMask mask) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", mask);
    return text;
}

std::optional<KindMask> parse_mask(std::string_view text) {
    if (!text.starts_with("0x")) return parse_number<KindMask>(text);
    text.remove_prefix(2);
    if (text.empty() || text.size() > kMaxMaskDigits) return std::nullopt;
    KindMask mask = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mask, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return mask;
}

std::string kind_names(KindMask mask) {
    std::string names;
    const auto add = [&names](std::string_view name) {
        if (!names.empty()) names += ' ';
        names += name;
    };
    for (const auto& kind : kKindNames) {
        if ((mask & kind.bit) != 0) add(kind.name);
        mask &= ~kind.bit;
    }
    if (mask != 0) add(mask_text(mask));
    return names;
}

std::string Features::text() const {
    return std::to_string(version) + "," + std::to_string(strategy) + "," + mask_text(mask);
}

std::optional<Features> Features::parse(std::string_view text) {
    if (text.size() > kMaxValueBytes) return std::nullopt;
    const auto fields = split_fields(text);
    const auto number = parse_number<int>(fields[0]);
    if (!number || *number < 0) return std::nullopt;
    if (*number < kFirstVersionWithMask) return Features{*number, 0, 0};
    if (fields.size() < 3) return std::nullopt;
    const auto strategy = parse_number<int>(fields[1]);
    const auto mask = parse_mask(fields[2]);
    if (!strategy || *strategy < 0 || !mask) return std::nullopt;
    return Features{*number, *strategy, *mask};
}

Features common_features(const Features& a, const Features& b) {
    return {std::min(a.version, b.version), std::min(a.strategy, b.strategy), a.mask & b.mask};
}

Features assumed_features() {
    Features features;
    features.mask = MARS_LOG_KIND_MD5_OLD;
    return features;
}

std::string Message::value() const {
    if (text.empty()) return "OK";
    auto value = real.text() + " " + lamport.text() + " " + text;
    if (value.size() > kMaxMessageBytes) {
        auto end = kMaxMessageBytes;
        while (end > 0 && is_continuation(value[end])) --end;
        value.resize(end);
    }
    std::replace_if(
        value.begin(), value.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, ' ');
    return value;
}

std::optional<Message> Message::parse(std::string_view value) {
    if (value == "OK") return Message{};
    if (value.size() > kMaxValueBytes) return std::nullopt;
    const auto first = value.find(' ');
    const auto second = first == std::string_view::npos ? first : value.find(' ', first + 1);
    if (second == std::string_view::npos || second + 1 == value.size()) return std::nullopt;
    const auto real = Stamp::parse(value.substr(0, first));
    const auto lamport = Stamp::parse(value.substr(first + 1, second - first - 1));
    if (!real || !lamport) return std::nullopt;
    return Message{*real, *lamport, std::string(value.substr(second + 1))};
}

std::string ClusterId::text() const {
    return is_any() ? std::string(kAnyCluster) : creator + "_" + created.text();
}

std::optional<ClusterId> ClusterId::parse(std::string_view text) {
    if (text == kAnyCluster) return ClusterId{};
    const auto at = text.rfind('_'); // host names may contain it, stamps do not
    if (at == std::string_view::npos) return std::nullopt;
    const auto stamp = Stamp::parse(text.substr(at + 1));
    if (!is_identifier(text.substr(0, at)) || !stamp) return std::nullopt;
    return ClusterId{std::string(text.substr(0, at)), *stamp};
}

std::string VerifyStatus::text() const {
    return std::to_string(equal) + "," + std::to_string(different);
}

std::optional<VerifyStatus> VerifyStatus::parse(std::string_view text) {
    if (text.size() > kMaxValueBytes) return std::nullopt;
    const auto fields = split_fields(text);
    if (fields.size() < 2) return std::nullopt;
    const auto equal = parse_bytes(fields[0]);
    const auto different = parse_bytes(fields[1]);
    if (!equal || !different) return std::nullopt;
    return VerifyStatus{*equal, *different};
}

std::optional<std::int64_t> parse_skip_check(std::string_view text) {
    const auto seq = parse_bytes(leading_digits(text));
    return seq && *seq <= kMaxLogNumber ? seq : std::nullopt;
}

std::vector<std::string> parse_host_list(std::string_view text) {
    std::vector<std::string> hosts;
    if (text.size() > kMaxValueBytes) return hosts;
    for (const auto host : split_fields(text)) {
        if (is_identifier(host)) hosts.emplace_back(host);
    }
    return hosts;
}

} // namespace mars::format
