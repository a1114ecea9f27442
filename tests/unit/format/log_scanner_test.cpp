// SPDX-License-Identifier: GPL-2.0-or-later
// Driven with windows of any size, the scanner yields the same records and the same end as with the whole file.
#include <algorithm>
#include <catch2/catch.hpp>

#include "kernel/format/log_record.hpp"
#include "kernel/format/log_scan.hpp"
#include "tests/unit/format/vectors.hpp"

using namespace mars::format;
using vectors::bytes_of;

namespace {

using Bytes = std::vector<std::byte>;

struct Run {
    std::vector<std::uint64_t> ends; // of the records
    ScanResult stop;
    std::size_t reads = 0;
};

// Scans `file` the way that the header describes, reading at most `window_bytes` at once.
Run run(LogScanner& scanner, const Bytes& file, std::size_t window_bytes = MARS_LOG_WINDOW) {
    Run r;
    Bytes window;
    for (;;) {
        auto step = scanner.next();
        if (step.kind == ScanKind::need_window) {
            const auto from = static_cast<std::size_t>(scanner.position());
            const auto count = std::min({scanner.wanted_bytes(), window_bytes, file.size() - from});
            window.assign(file.begin() + static_cast<std::ptrdiff_t>(from),
                          file.begin() + static_cast<std::ptrdiff_t>(from + count));
            window.shrink_to_fit();
            scanner.feed(window);
            REQUIRE(++r.reads < 100000);
        } else if (step.kind == ScanKind::record) {
            if (!step.record->decompressed)
                CHECK(step.record->payload.size() + MARS_LOG_OVERHEAD == step.record->end - step.record->start);
            r.ends.push_back(step.record->end);
        } else {
            r.stop = std::move(step);
            return r;
        }
    }
}

Run run(const Bytes& file, std::uint64_t start = 0, std::size_t window_bytes = MARS_LOG_WINDOW) {
    LogScanner scanner(start, file.size(), {});
    return run(scanner, file, window_bytes);
}

Bytes plain_vectors() {
    auto file = vectors::file();
    file.resize(568);
    return file;
}

// A log of `count` records with payloads of many lengths up to 4096.
Bytes long_log(std::uint32_t count) {
    Bytes log;
    for (std::uint32_t seq = 1; seq <= count; ++seq) {
        const Bytes payload(1 + (seq * 1237) % 4096, static_cast<std::byte>(seq));
        append_record({1, {seq, 0}, 0, seq}, payload, make_sum(DigestKind::crc32c, payload), log);
    }
    return log;
}

} // namespace

TEST_CASE("the plain vectors are read back") {
    const auto file = plain_vectors();
    LogScanner scanner(0, file.size());
    REQUIRE(scanner.next().kind == ScanKind::need_window);
    scanner.feed(file);
    for (std::size_t i = 0; i < vectors::kPlain; ++i) {
        const auto& v = vectors::all()[i];
        const auto step = scanner.next();
        INFO("record " << i + 1 << ": " << step.text());
        REQUIRE(step.kind == ScanKind::record);
        CHECK(step.record->start == v.at);
        CHECK(step.record->end == v.at + v.total);
        CHECK(step.record->stamp == v.stamp);
        CHECK(step.record->pos == v.pos);
        CHECK(step.record->seq == i + 1);
        CHECK(step.record->checksum == v.kind);
        CHECK(Bytes(step.record->payload.begin(), step.record->payload.end()) == bytes_of(v.payload));
    }
    CHECK(scanner.next().kind == ScanKind::finished);
}

TEST_CASE("the vector file cut anywhere yields the complete records, then its end and never damage") {
    const auto whole = vectors::file();
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        const auto r = run(cut);
        INFO("cut to " << length << ": " << r.stop.text());
        std::size_t complete = 0;
        std::size_t boundary = 0;
        while (complete < vectors::all().size() &&
               vectors::all()[complete].at + vectors::all()[complete].total <= length) {
            boundary = vectors::all()[complete].at + vectors::all()[complete].total;
            ++complete;
        }
        REQUIRE(r.ends.size() == complete);
        REQUIRE(r.stop.position == boundary);
        if (length == boundary) {
            REQUIRE(r.stop.kind == ScanKind::finished);
        } else if (length - boundary <= MARS_LOG_OVERHEAD) {
            REQUIRE(r.stop.kind == ScanKind::end_of_file);
            REQUIRE(r.stop.code == 0);
        } else {
            REQUIRE(r.stop.kind == ScanKind::incomplete);
            REQUIRE(r.stop.code == -11);
        }
    }
}

TEST_CASE("a scan may begin at any record") {
    const auto r = run(vectors::file(), 338);
    CHECK(r.ends == std::vector<std::uint64_t>{452, 568, 692, 824, 956});
    CHECK(r.stop.kind == ScanKind::finished);
}

TEST_CASE("a scan that begins inside a record finds no magic") {
    const auto r = run(vectors::file(), 8);
    CHECK(r.ends.empty());
    CHECK(r.stop.kind == ScanKind::corrupt);
    CHECK(r.stop.code == -74);
    CHECK(r.stop.detail == ScanDetail::start_magic);
}

TEST_CASE("the size of the windows does not matter as long as every record fits") {
    const auto log = long_log(200);
    const auto whole = run(log, 0, log.size());
    REQUIRE(whole.ends.size() == 200);
    for (std::size_t window : {4180U, 4181U, 5000U, 8192U, 65536U, 131072U}) {
        INFO("windows of " << window);
        const auto r = run(log, 0, window);
        CHECK(r.ends == whole.ends);
        CHECK(r.stop.kind == ScanKind::finished);
    }
    CHECK(run(log).reads < 10);
}

TEST_CASE("a record that does not fit a window and is its first one is incomplete") {
    const auto log = long_log(3);
    const auto r = run(log, 0, 1000);
    CHECK(r.ends.empty());
    CHECK(r.stop.kind == ScanKind::incomplete);
}

TEST_CASE("damage is reported the same through any window") {
    auto log = long_log(100);
    const auto ends = run(log).ends;
    log[ends[59] + 3] = std::byte{0};
    for (std::size_t window : {4180U, 10000U, 131072U}) {
        const auto r = run(log, 0, window);
        CHECK(r.ends.size() == 60);
        CHECK(r.stop.detail == ScanDetail::start_magic);
        CHECK(r.stop.position == ends[59]);
    }
}

TEST_CASE("a record cut by the end of a window is not taken for a torn one") {
    // A valid flag of 0 close to the end of a window: only a fresh window can tell damage from an unfinished record.
    auto log = long_log(2);
    const auto ends = run(log).ends;
    log[ends[0] + 9] = std::byte{0};
    const auto r = run(log, 0, ends[0] + 90);
    CHECK(r.stop.kind == ScanKind::corrupt);
    CHECK(r.stop.code == -74);
    CHECK(r.reads == 2);
}

TEST_CASE("the end of the run hides what the file has behind it") {
    const auto log = long_log(10);
    const auto ends = run(log).ends;
    LogScanner to_boundary(0, ends[4]);
    const auto exact = run(to_boundary, log);
    CHECK(exact.ends.size() == 5);
    CHECK(exact.stop.kind == ScanKind::finished);
    LogScanner inside(0, ends[4] + 100);
    const auto torn = run(inside, log);
    CHECK(torn.ends.size() == 5);
    CHECK(torn.stop.kind == ScanKind::incomplete);
}

TEST_CASE("a window with more than the run's rest is cut to it") {
    const auto log = long_log(10);
    const auto ends = run(log).ends;
    LogScanner scanner(0, ends[1]);
    CHECK(scanner.wanted_bytes() == ends[1]);
    REQUIRE(scanner.next().kind == ScanKind::need_window);
    scanner.feed(log);
    CHECK(scanner.next().kind == ScanKind::record);
    CHECK(scanner.next().kind == ScanKind::record);
    CHECK(scanner.next().kind == ScanKind::finished);
}

TEST_CASE("a run goes on when the file has grown, and still checks the record numbers") {
    const auto log = long_log(10);
    const auto ends = run(log).ends;
    Bytes torn(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(ends[4] + 90));
    LogScanner scanner(0, torn.size());
    CHECK(run(scanner, torn).stop.kind == ScanKind::incomplete);
    CHECK(scanner.position() == ends[4]);
    CHECK(scanner.last_seq() == 5);
    scanner.extend(log.size());
    scanner.extend(1); // never downwards
    const auto rest = run(scanner, log);
    CHECK(rest.ends.size() == 5);
    CHECK(rest.stop.kind == ScanKind::finished);

    auto gap = log;
    gap.erase(gap.begin() + static_cast<std::ptrdiff_t>(ends[4]), gap.begin() + static_cast<std::ptrdiff_t>(ends[5]));
    LogScanner again(0, ends[4]);
    CHECK(run(again, gap).stop.kind == ScanKind::finished);
    again.extend(gap.size());
    const auto stopped = run(again, gap);
    CHECK(stopped.ends.empty());
    CHECK(stopped.stop.detail == ScanDetail::sequence_gap);
}

TEST_CASE("a file that is shorter than the run ends it") {
    const auto log = long_log(3);
    LogScanner scanner(0, log.size() + 1000);
    const auto r = run(scanner, log);
    CHECK(r.ends.size() == 3);
    CHECK(r.stop.kind == ScanKind::end_of_file);
}

TEST_CASE("an empty run is finished at once") {
    LogScanner scanner(77, 77);
    CHECK(scanner.next().kind == ScanKind::finished);
}
