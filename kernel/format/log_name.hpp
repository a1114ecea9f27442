// SPDX-License-Identifier: GPL-2.0-or-later
// LogName: a logfile is named by its number and the host that wrote it, "log-000000002-alpha"; LogPosition adds a byte
// position in it, "log-000000002-alpha,4096". Version links are keyed alike, "version-000000002-beta".
// Values, safe on any thread. Parsers never throw and bound what they take; anything else than the format is nullopt.
// Format: docs/formats/links.md. Tests: tests/unit/format/log_name_test.cpp, fuzz: tests/fuzz/links/.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mars::format {

// The longest value of a link, bytes. Longer texts are refused by all parsers of link values. Spec: symlink-tree 1.2.
inline constexpr std::size_t kMaxValueBytes = 4094;
// Numbers of logs have at most 18 digits here, so that adding steps to one never overflows.
inline constexpr std::int64_t kMaxLogNumber = 999'999'999'999'999'999;

struct LogName {
    std::int64_t seq = 0; // 0 … kMaxLogNumber; the first log of a fresh resource is 1
    std::string host;     // the host that wrote it (its primary)

    // Order of logs: by number, then by host.
    auto operator<=>(const LogName&) const = default;

    // "log-SEQ9-HOST": the number with zeros in front, at least nine digits.
    std::string text() const;
    // Takes any number of digits, so text() of the result may differ. HOST must be a valid name; it may contain '-'.
    static std::optional<LogName> parse(std::string_view text);
};

// A place in a log: everything below `pos` bytes.
struct LogPosition {
    LogName log;
    std::int64_t pos = 0; // 0 …

    bool operator==(const LogPosition&) const = default;

    // "LOG,POS"
    std::string text() const;
    // Exactly two fields.
    static std::optional<LogPosition> parse(std::string_view text);
};

// "PREFIX-SEQ9-HOST" for any kind of numbered key. Spec: symlink-tree 1.3 (N6).
std::string numbered_name(std::string_view prefix, std::int64_t seq, std::string_view host);
// Number and host of a "PREFIX-SEQ-HOST"; nullopt for other names.
std::optional<LogName> parse_numbered_name(std::string_view prefix, std::string_view text);

// "version-SEQ9-HOST". HOST is the host whose knowledge the link tells, not the one that wrote the log.
std::string version_key(std::int64_t seq, std::string_view host);

// A length or position in bytes: plain decimal digits, no sign, 0 … 2^63 − 1.
std::optional<std::int64_t> parse_bytes(std::string_view text);

// The parts of `text` between the separators, empty ones included; at least one.
std::vector<std::string_view> split_fields(std::string_view text, char separator = ',');

} // namespace mars::format
