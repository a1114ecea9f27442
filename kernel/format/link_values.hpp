// SPDX-License-Identifier: GPL-2.0-or-later
// Link values that consist of several fields: kind masks, features, messages, the cluster's identity, counters.
// (Logs, replay and version links and replay codes have files of their own.) A value is the text of a symlink: 1 to
// 4094 bytes on one line, fields separated by commas; readers ignore fields that they do not know.
// Values, safe on any thread. Parsers never throw; nullopt means that the text is no such value.
// Spec: symlink-tree 1.2, 2. Docs: docs/formats/links.md. Tests: tests/unit/format/link_values_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::format {

// True for what a link can hold: 1 to 4094 bytes without NUL and newline. Spec: symlink-tree 1.2 (V1, V7).
bool is_link_value(std::string_view text);

// A boolean link: a leading decimal integer other than 0 is true, everything else is false (V3).
bool parse_flag(std::string_view text);

// ---- kind masks

struct KindName {
    KindMask bit;
    std::string_view name; // "CHKSUM_CRC32C", "COMPRESS_LZ4", …
};

// All kinds in the order of their bits. Spec: symlink-tree 2.4.
extern const std::array<KindName, 9> kKindNames;

// "0x" and eight lower case hex digits (V5).
std::string mask_text(KindMask mask);
// "0x" and 1 to 8 hex digits of either case, or a plain decimal number (as in used-log-digest).
std::optional<KindMask> parse_mask(std::string_view text);
// The names of the bits, separated by blanks; a rest without a name as hex. Empty for 0.
std::string kind_names(KindMask mask);

// ---- features and usable

// What a host can do (actual-HOST/features), or what all hosts can (actual-HOST/usable): "VERSION,STRATEGY,0xMASK".
struct Features {
    int version = 4;
    int strategy = 5;
    KindMask mask = MARS_LOG_ALL_KINDS; // the kinds that this implementation can read and write

    bool operator==(const Features&) const = default;

    std::string text() const;
    // Hosts of features versions below 3 have no strategy and no mask, whatever is written there.
    static std::optional<Features> parse(std::string_view text);
};

// What both can: the smaller versions, the common kinds.
Features common_features(const Features& a, const Features& b);
// What is assumed of a host that has not published its features: our versions and no kinds but MD5_OLD.
Features assumed_features();

// ---- messages

// The value of a msg-KEY link: "OK", or "REAL LAMPORT TEXT" with the stamps of the first occurrence.
struct Message {
    Stamp real;
    Stamp lamport;
    std::string text; // empty: nothing to report, "OK"

    bool operator==(const Message&) const = default;

    // At most 1023 bytes: a longer text is cut, between characters if it is UTF-8. Control characters, newlines among
    // them, become blanks. Spec: symlink-tree 2.12.
    std::string value() const;
    static std::optional<Message> parse(std::string_view value);
};

// ---- others

// The cluster's identity: "HOST_STAMP" of its creation, or "(any)" while joining. Spec: symlink-tree 2.1.
struct ClusterId {
    std::string creator; // empty: "(any)", which fits every other
    Stamp created;

    bool operator==(const ClusterId&) const = default;

    bool is_any() const { return creator.empty(); }
    std::string text() const;
    static std::optional<ClusterId> parse(std::string_view text);
};

// verifystatus-HOST: chunks that were equal and different in a sync, "OK,ERR".
struct VerifyStatus {
    std::int64_t equal = 0;
    std::int64_t different = 0;

    bool operator==(const VerifyStatus&) const = default;

    std::string text() const;
    static std::optional<VerifyStatus> parse(std::string_view text);
};

// The log number that skip-check-HOST allows to jump to: the leading number of "SEQ free text".
std::optional<std::int64_t> parse_skip_check(std::string_view text);

// "PEER[,PEER…]" of connect-HOST; parts that are no host names are left out.
std::vector<std::string> parse_host_list(std::string_view text);

} // namespace mars::format
