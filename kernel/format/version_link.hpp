// SPDX-License-Identifier: GPL-2.0-or-later
// VersionLink: the value of version-SEQ-HOST: up to which length HOST knows log SEQ, chained to the log before by a
// digest. Two hosts have the same history exactly when their values are equal as strings.
//     DIGEST,LOG,LENGTH:PREV        PREV: the part before the colon of HOST's own link of SEQ − 1, or nothing
// Values, safe on any thread. Parsers never throw. Format: docs/formats/links.md.
// Tests: tests/unit/format/version_link_test.cpp, fuzz: tests/fuzz/links/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/format/log_name.hpp"

namespace mars::format {

struct VersionLink {
    std::string digest; // 32 lower case hex digits
    LogName log;        // log.host wrote the log; the link's own host stands only in its key
    std::int64_t length = 0;
    std::string prev; // "DIGEST,LOG,LENGTH" of the link before, or empty

    bool operator==(const VersionLink&) const = default;

    // "DIGEST,LOG,LENGTH": what the next link carries as its PREV.
    std::string head() const;
    // The whole value.
    std::string text() const;
    // Needs the three fields and the colon; further fields before the colon are ignored (and lost by text()). PREV is
    // taken as it is.
    static std::optional<VersionLink> parse(std::string_view text);
};

// The link for `log` with `length` bytes. `previous`: the whole value of the same host's link of number seq − 1, as it
// stands in the tree; empty when there is none. It does not count for seq ≤ 1. Spec: symlink-tree 3.1 to 3.3.
VersionLink make_version(const LogName& log, std::int64_t length, std::string_view previous);

// A link with length 0 and a digest of 32 zeros, which begins a history: at create-resource (numbers n − 1 and n) and
// in front of an emergency's hole. `prev`: head() of the zero link before, or empty. Spec: symlink-tree 3.3.
VersionLink make_zero_version(const LogName& log, std::string_view prev = {});

// MD5 over "SEQ,ORIGIN,LENGTH:PREVIOUS", numbers without zeros in front. Spec: symlink-tree 3.2.
std::string version_digest(std::int64_t seq, std::string_view origin, std::int64_t length, std::string_view previous);

// The parts of a value before and after its first colon, unparsed, for comparing links as strings. Without a colon
// everything is head.
std::string_view version_head(std::string_view value);
std::string_view version_prev(std::string_view value);

// The position at the end of a head: the last two fields of "DIGEST,LOG,LENGTH". nullopt when they are none.
std::optional<LogPosition> head_position(std::string_view head);

} // namespace mars::format
