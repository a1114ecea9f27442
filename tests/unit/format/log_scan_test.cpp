// SPDX-License-Identifier: GPL-2.0-or-later
// The scanner yields exactly the good records of a log and names every way in which a log can end or be damaged.
// One case per row of the table of checks in docs/formats/transaction-log.md, in its order.
#include "kernel/format/log_scan.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "kernel/format/log_record.hpp"
#include "tests/unit/format/vectors.hpp"

using namespace mars::format;
using vectors::bytes_of;

namespace {

using Bytes = std::vector<std::byte>;

void set(Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t count = 1) {
    for (std::size_t i = 0; i < count; ++i) bytes.at(at + i) = static_cast<std::byte>(value >> (8 * i));
}

// A log of two records of 512 bytes each, numbers 1 and 2: 596 bytes per record.
constexpr std::size_t kPayload = 512;
constexpr std::size_t kRecord = kPayload + MARS_LOG_OVERHEAD;
constexpr std::size_t kTrailer = kRecord - MARS_LOG_TRAILER_BYTES;

Bytes payload() {
    Bytes bytes(kPayload);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
    return bytes;
}

Bytes two_records(DigestKind kind = DigestKind::crc32c) {
    Bytes log;
    for (std::uint32_t seq = 1; seq <= 2; ++seq) {
        append_record({1, {1700000000, 5}, 4096, seq}, payload(), make_sum(kind, payload()), log);
    }
    return log;
}

ScanResult scan(const Bytes& log, std::uint32_t previous = 0, ScanOptions options = {}) {
    const Bytes exact(log); // of exact size, so that a sanitizer sees a read behind its end
    auto found = scan_record(exact, 0, previous, options);
    if (found.record && !found.record->decompressed) found.record->payload = {}; // it was in `exact`
    return found;
}

// Damages the first of two records and scans it.
ScanResult scan_damaged(const std::function<void(Bytes&)>& damage, DigestKind kind = DigestKind::crc32c) {
    auto log = two_records(kind);
    damage(log);
    return scan(log);
}

struct Outcome {
    ScanKind kind;
    int code;
    int detail;
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    return out << "kind " << static_cast<int>(o.kind) << " code " << o.code << " detail " << o.detail;
}

Outcome outcome(const ScanResult& r) {
    return {r.kind, r.code, static_cast<int>(r.detail)};
}

Outcome corrupt(int code, int detail) {
    return {ScanKind::corrupt, code, detail};
}

constexpr std::size_t body(std::size_t i) {
    return MARS_LOG_HEADER_BYTES + i;
}

} // namespace

TEST_CASE("a good record is returned with all its fields") {
    const auto log = two_records();
    const auto found = scan_record(log, 1000, 0, {});
    REQUIRE(found.kind == ScanKind::record);
    REQUIRE(found.record);
    CHECK(found.record->start == 1000);
    CHECK(found.record->end == 1000 + kRecord);
    CHECK(found.record->code == 1);
    CHECK(found.record->stamp == mars::Stamp{1700000000, 5});
    CHECK(found.record->pos == 4096);
    CHECK(found.record->seq == 1);
    CHECK(found.record->checksum == DigestKind::crc32c);
    CHECK_FALSE(found.record->sequence_back);
    CHECK(found.record->payload.data() == log.data() + MARS_LOG_HEADER_BYTES);
    const auto expected = payload();
    CHECK(std::equal(expected.begin(), expected.end(), found.record->payload.begin(), found.record->payload.end()));
}

TEST_CASE("row 1: up to 84 bytes are the end of the file, whatever they are") {
    for (std::size_t length : {0U, 1U, 48U, 84U}) {
        CHECK(outcome(scan(Bytes(length))) == Outcome{ScanKind::end_of_file, 0, 0});
        CHECK(outcome(scan(Bytes(length, std::byte{0xff}))) == Outcome{ScanKind::end_of_file, 0, 0});
    }
}

TEST_CASE("row 2: a wrong start magic") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 0, 0x58); })) == corrupt(-74, -10013));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 7, 0); })) == corrupt(-74, -10013));
    CHECK(outcome(scan(Bytes(85))) == corrupt(-74, -10013));
    CHECK(outcome(scan(Bytes(200, std::byte{0xff}))) == corrupt(-74, -10013));
}

TEST_CASE("row 3: a wrong format version") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 8, 0); })) == corrupt(-74, -10003));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 8, 2); })) == corrupt(-74, -10003));
}

TEST_CASE("row 4: a valid flag of 0 is damage, or incomplete with fewer than 92 bytes left") {
    auto log = two_records();
    set(log, 9, 0);
    CHECK(outcome(scan(log)) == corrupt(-74, -10003));
    log.resize(92);
    CHECK(outcome(scan(log)) == corrupt(-74, -10003));
    log.resize(91);
    CHECK(outcome(scan(log)) == Outcome{ScanKind::incomplete, -11, -10003});
    CHECK(scan_damaged([](Bytes& b) { set(b, 9, 0x80); }).kind == ScanKind::record);
}

TEST_CASE("row 5: a record length of 0") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 10, 0, 2); })) == corrupt(-85, -10004));
}

TEST_CASE("row 6: a negative record length") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 10, 0x8000, 2); })) == corrupt(-74, -10005));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 10, 0xffff, 2); })) == corrupt(-74, -10005));
}

TEST_CASE("row 7: a record longer than what is there is incomplete") {
    auto log = two_records();
    log.resize(kRecord - 1);
    CHECK(outcome(scan(log)) == Outcome{ScanKind::incomplete, -11, -10006});
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 10, 32767, 2); })) == Outcome{ScanKind::incomplete, -11, -10006});
}

TEST_CASE("row 8: a record length that leaves no room for a body") {
    for (std::uint64_t length : {1U, 48U, 84U}) {
        CHECK(outcome(scan_damaged([&](Bytes& b) { set(b, 10, length, 2); })) == corrupt(-85, -10007));
    }
}

TEST_CASE("row 9: an end magic of zeros: the rest of the record never reached the disk") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, kTrailer, 0, 8); })) == corrupt(-85, 0));
}

TEST_CASE("row 10: an end magic overwritten with one byte names that byte") {
    const auto found = scan_damaged([](Bytes& b) { set(b, kTrailer, 0xa5a5a5a5a5a5a5a5, 8); });
    CHECK(outcome(found) == corrupt(-74, -10021));
    CHECK(found.byte == 0xa5);
    CHECK_FALSE(scan_damaged([](Bytes& b) { set(b, kTrailer, 0, 8); }).byte.has_value());
}

TEST_CASE("row 11: any other end magic") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, kTrailer, 0); })) == corrupt(-56, -10020));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, kTrailer, 0xa5a5a5a5a5a5a5a4, 8); })) == corrupt(-56, -10020));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 10, kRecord + 4, 2); })) == corrupt(-56, -10020));
}

TEST_CASE("row 12: the copy of the valid flag must be exactly 1") {
    for (std::uint64_t value : {0U, 2U, 0xffU}) {
        CHECK(outcome(scan_damaged([&](Bytes& b) { set(b, kTrailer + 12, value); })) == corrupt(-74, -10009));
    }
}

TEST_CASE("row 13: a gap in the record numbers") {
    auto log = two_records();
    set(log, kTrailer + 16, 9, 4);
    CHECK(outcome(scan(log, 7)) == corrupt(-74, -10010));
    CHECK(scan(log, 8).kind == ScanKind::record);
    CHECK(scan(log, 0).kind == ScanKind::record);
}

TEST_CASE("row 14: record numbers that go back are tolerated and marked") {
    auto log = two_records();
    set(log, kTrailer + 16, 9, 4);
    for (std::uint32_t previous : {9U, 10U, 0xffffffffU - 1}) {
        const auto found = scan(log, previous);
        REQUIRE(found.kind == ScanKind::record);
        CHECK(found.record->sequence_back);
        CHECK(found.record->seq == 9);
    }
    // When something else is wrong too, the first thing noticed is the one that is told.
    set(log, body(0), 0x77);
    CHECK(outcome(scan(log, 9)) == corrupt(-74, -10011));
}

TEST_CASE("record numbers wrap through 0, which is not checked") {
    auto log = two_records();
    set(log, kTrailer + 16, 0, 4);
    for (std::uint32_t previous : {0U, 1U, 0xffffffffU}) {
        const auto found = scan(log, previous);
        REQUIRE(found.kind == ScanKind::record);
        CHECK_FALSE(found.record->sequence_back);
    }
    set(log, kTrailer + 16, 5, 4);
    CHECK(outcome(scan(log, 0xffffffff)) == corrupt(-74, -10010));
}

TEST_CASE("row 15: a negative body length") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 36, 0xffff, 2); })) == corrupt(-74, -10151));
}

TEST_CASE("row 15: an impossible decompressed length") {
    for (std::uint64_t length : {511U, 512U, 513U, 0x8000U, 0xfe00U}) {
        INFO(length);
        CHECK(outcome(scan_damaged([&](Bytes& b) { set(b, 38, length, 2); })) == corrupt(-74, -10152));
    }
}

TEST_CASE("row 15: a compressed record without a compression kind") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 38, 1024, 2); })) == corrupt(-74, -10150));
}

TEST_CASE("row 16: a body length beyond the body is found before anything is digested") {
    for (std::uint64_t length : {kPayload + 1, std::size_t{32767}}) {
        CHECK(outcome(scan_damaged([&](Bytes& b) { set(b, 36, length, 2); })) == corrupt(-74, -10101));
    }
}

TEST_CASE("row 16: one wrong bit of the payload, with every kind of checksum") {
    for (const auto kind : kDigestPreference) {
        INFO(digest_name(kind));
        CHECK(scan_damaged([](Bytes&) {}, kind).kind == ScanKind::record);
        CHECK(outcome(scan_damaged([](Bytes& b) { b[body(0)] ^= std::byte{1}; }, kind)) == corrupt(-74, -10101));
        CHECK(outcome(scan_damaged([](Bytes& b) { b[body(511)] ^= std::byte{128}; }, kind)) == corrupt(-74, -10101));
    }
}

TEST_CASE("row 16: one wrong bit of the checksum") {
    for (const auto kind : {DigestKind::crc32c, DigestKind::crc32, DigestKind::md5, DigestKind::sha1}) {
        INFO(digest_name(kind));
        for (std::size_t i = 0; i < 16; ++i) {
            CHECK(outcome(scan_damaged([&](Bytes& b) { b[kTrailer + 20 + i] ^= std::byte{4}; }, kind)) ==
                  corrupt(-74, -10101));
        }
        // The field of MD5_OLD means nothing for the others.
        CHECK(scan_damaged([](Bytes& b) { set(b, kTrailer + 8, 0x12345678, 4); }, kind).kind == ScanKind::record);
    }
    const auto old = DigestKind::md5_old;
    CHECK(outcome(scan_damaged([](Bytes& b) { b[kTrailer + 8] ^= std::byte{4}; }, old)) == corrupt(-74, -10101));
    CHECK(scan_damaged([](Bytes& b) { set(b, kTrailer + 20, 77, 8); }, old).kind == ScanKind::record);
}

TEST_CASE("row 16: no checksum at all") {
    const auto unchecked = [](Bytes& b) {
        set(b, kTrailer + 8, 0, 4);
        set(b, kTrailer + 14, 0, 2);
    };
    CHECK(outcome(scan_damaged(unchecked)) == corrupt(-74, -10100));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, kTrailer + 8, 0, 4); }, DigestKind::md5_old)) ==
          corrupt(-74, -10100));

    auto log = two_records();
    unchecked(log);
    ScanOptions old;
    old.accept_unchecked = true;
    const auto found = scan(log, 0, old);
    REQUIRE(found.kind == ScanKind::record);
    CHECK(found.record->unchecked);
    set(log, kTrailer + 8, 1, 4); // there is a checksum: it counts
    CHECK(outcome(scan(log, 0, old)) == corrupt(-74, -10101));
    CHECK_FALSE(scan(two_records(), 0, old).record->unchecked);
}

TEST_CASE("unknown kinds are ignored; the best known one counts, MD5_OLD when none is") {
    const auto kinds = [](std::uint64_t value) { return [value](Bytes& b) { set(b, kTrailer + 14, value, 2); }; };
    CHECK(scan_damaged(kinds(0xf8e4)).kind == ScanKind::record);                      // CRC32C and unknown bits
    CHECK(scan_damaged(kinds(0x0017)).kind == ScanKind::record);                      // all but CRC32: CRC32C wins
    CHECK(outcome(scan_damaged(kinds(0x001a))) == corrupt(-74, -10101));              // CRC32 would be checked
    CHECK(scan_damaged(kinds(0xf8e0), DigestKind::md5_old).kind == ScanKind::record); // nothing known
    CHECK(scan_damaged(kinds(0x0000), DigestKind::md5_old).kind == ScanKind::record); // first generation
    CHECK(scan_damaged(kinds(0x0704)).kind == ScanKind::record);                      // plain in spite of the bits
}

TEST_CASE("MD5 in halves of an odd payload is not usable: MD5_OLD is what counts") {
    const auto odd = bytes_of("odd length of 27 bytes here");
    Bytes log;
    append_record({1, {1, 2}, 0, 1}, odd, make_sum(DigestKind::md5_old, odd), log);
    set(log, log.size() - 36 + 14, 0x0002, 2);
    const auto found = scan(log);
    REQUIRE(found.kind == ScanKind::record);
    CHECK(found.record->checksum == DigestKind::md5_old);
}

TEST_CASE("a fold of zero is a checksum like any other") {
    const Bytes zeros(512);
    Bytes log;
    append_record({1, {1, 2}, 0, 1}, zeros, make_sum(DigestKind::crc32c, zeros), log);
    CHECK(scan(log).kind == ScanKind::record);
    set(log, body(9), 1);
    CHECK(outcome(scan(log)) == corrupt(-74, -10101));
}

TEST_CASE("values that no checksum protects are refused when they are impossible") {
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 28, 1ULL << 63, 8); })) == corrupt(-74, -10101));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 20, 1000000000, 8); })) == corrupt(-74, -10101));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 20, ~0ULL, 8); })) == corrupt(-74, -10101));
    CHECK(outcome(scan_damaged([](Bytes& b) { set(b, 36, 0, 2); })) == corrupt(-74, -10101));
    // A body length below the body's, with a checksum that fits the shorter payload.
    auto log = two_records();
    const auto shorter = make_sum(DigestKind::crc32c, std::span(log).subspan(MARS_LOG_HEADER_BYTES, 100));
    set(log, 36, 100, 2);
    std::copy(shorter.folded.begin(), shorter.folded.end(), log.begin() + kTrailer + 20);
    CHECK(outcome(scan(log)) == corrupt(-74, -10101));
}

TEST_CASE("replay to a device takes only whole sectors within it") {
    ScanOptions replay;
    replay.device_bytes = 4096 + kPayload;
    CHECK(scan(two_records(), 0, replay).kind == ScanKind::record);
    replay.device_bytes = 4096 + kPayload - 1;
    CHECK(outcome(scan(two_records(), 0, replay)) == corrupt(-74, -10101));
    replay.device_bytes = 0;
    CHECK(outcome(scan(two_records(), 0, replay)) == corrupt(-74, -10101));
    replay.device_bytes = 1 << 20;
    auto log = two_records();
    set(log, 28, 4097, 8);
    CHECK(outcome(scan(log, 0, replay)) == corrupt(-74, -10101));
    CHECK(scan(log).kind == ScanKind::record);
    set(log, 28, 0x7fffffffffffffff, 8);
    CHECK(scan(log).kind == ScanKind::record);
    set(log, 28, 0x7ffffffffffffe00, 8);
    CHECK(outcome(scan(log, 0, replay)) == corrupt(-74, -10101));

    Bytes odd;
    append_record({1, {1, 2}, 0, 1}, bytes_of("short"), make_sum(DigestKind::crc32c, bytes_of("short")), odd);
    CHECK(outcome(scan(odd, 0, replay)) == corrupt(-74, -10101));
}

TEST_CASE("records of other codes are returned, for the caller to skip") {
    for (std::uint64_t code : {0U, 2U, 3U, 0xffffU}) {
        const auto found = scan_damaged([&](Bytes& b) { set(b, 44, code, 2); });
        REQUIRE(found.kind == ScanKind::record);
        CHECK(found.record->code == static_cast<std::int16_t>(code));
    }
}

TEST_CASE("spare fields are ignored") {
    const auto spare = [](std::size_t at, std::size_t count) {
        return [=](Bytes& b) { set(b, at, 0xdeadbeefdeadbeef, count); };
    };
    CHECK(scan_damaged(spare(40, 4)).kind == ScanKind::record);
    CHECK(scan_damaged(spare(46, 2)).kind == ScanKind::record);
    CHECK(scan_damaged(spare(kTrailer + 13, 1)).kind == ScanKind::record);
}

TEST_CASE("compressed records are read; damage to their bodies is told as such") {
    const auto file = vectors::file();
    const auto payload = bytes_of(std::string(480, 'A') + "Any write request acts as commit");
    for (std::size_t i = vectors::kPlain; i < vectors::all().size(); ++i) {
        const auto& v = vectors::all()[i];
        auto record = Bytes(file.begin() + static_cast<std::ptrdiff_t>(v.at),
                            file.begin() + static_cast<std::ptrdiff_t>(v.at + v.total));
        const auto found = scan(record);
        REQUIRE(found.kind == ScanKind::record);
        CHECK(Bytes(found.record->payload.begin(), found.record->payload.end()) == payload);
        CHECK(found.record->checksum == DigestKind::crc32c);
        auto other = record; // its kind is none that anybody knows
        set(other, v.total - MARS_LOG_OVERHEAD + 48 + MARS_LOG_KINDS_AT, 0x8004, 2);
        CHECK(outcome(scan(other)) == Outcome{ScanKind::corrupt, -74, -10150});
        for (std::size_t at = MARS_LOG_HEADER_BYTES; at < v.total - MARS_LOG_OVERHEAD + 48; ++at)
            for (unsigned bit = 1; bit < 0x100; bit <<= 1) {
                auto damaged = record;
                damaged[at] ^= static_cast<std::byte>(bit);
                const auto step = scan(damaged);
                if (step.kind == ScanKind::record) // padding, or bits that the stream does not use
                    CHECK(std::equal(step.record->payload.begin(), step.record->payload.end(),
                                     found.record->payload.begin(), found.record->payload.end()));
                else
                    CHECK((step.kind == ScanKind::corrupt && step.code == -74));
            }
    }
}

TEST_CASE("the largest record that a reader must take") {
    const Bytes large(32767 - MARS_LOG_OVERHEAD, std::byte{3});
    Bytes log;
    append_record({1, {1, 2}, 0, 1}, bytes_of("x"), make_sum(DigestKind::sha1, large), log);
    log.insert(log.begin() + MARS_LOG_HEADER_BYTES, large.begin() + 1, large.end());
    log[MARS_LOG_HEADER_BYTES + large.size() - 1] = std::byte{3};
    set(log, 10, 32767, 2);
    set(log, 36, large.size(), 2);
    const auto found = scan(log);
    REQUIRE(found.kind == ScanKind::record);
    CHECK(found.record->end == 32767);
}

TEST_CASE("every single byte of a record set to any of some values never reads astray") {
    const auto log = two_records();
    for (std::size_t at = 0; at < kRecord; ++at) {
        for (unsigned value : {0U, 1U, 0x7fU, 0x80U, 0xffU}) {
            auto damaged = log;
            set(damaged, at, value);
            (void)scan(damaged, 1);
            damaged.resize(kRecord);
            (void)scan(damaged, 0);
        }
    }
    SUCCEED();
}

TEST_CASE("a stop is told in one line with place, expected and found") {
    auto log = two_records();
    set(log, 0, 0, 8);
    CHECK(scan_record(log, 338, 0, {}).text() ==
          "log stops at byte 338, code -74 (SCAN_MAGIC): expected start magic 0xa8f7e908d9177957, found "
          "0x0000000000000000");
    CHECK(scan(Bytes(3)).text() == "log stops at byte 0: expected more than 84 bytes, found 3");
}

TEST_CASE("names of the detail codes") {
    CHECK(detail_name(-10013) == "SCAN_MAGIC");
    CHECK(detail_name(10101) == "CRC_MISMATCH");
    CHECK(detail_name(-10002) == "SCAN_HOLE");
    CHECK(detail_name(0).empty());
    CHECK(detail_name(-74).empty());
}
