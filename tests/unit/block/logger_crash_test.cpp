// SPDX-License-Identifier: GPL-2.0-or-later
// Logger and Replayer together: crash a primary at any moment, replay from any position it has told, and the disk shows
// a prefix of the write order that contains everything acknowledged.
#include <algorithm>
#include <map>

#include "tests/unit/block/logger_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using namespace mars::block;

namespace {

constexpr std::uint64_t kSectors = 400;

// One write of the application. Every sector of it begins with its number, so the log tells whose a record is.
struct Submitted {
    std::uint64_t id = 0;
    std::uint64_t first = 0; // sectors
    std::uint64_t count = 0;
    std::uint64_t submitted_at = 0; // both in one sequence of events
    std::uint64_t acknowledged_at = 0;
};

struct CrashRig : LoggerRig {
    explicit CrashRig(std::uint64_t seed) : LoggerRig(seed, kSectors * 512) {}

    std::vector<Submitted> writes{1}; // by id, from 1
    std::uint64_t events = 0;
    std::int64_t seq = 0; // of the newest log
    format::LogName told_log{0, "alpha"};
    std::uint64_t told_min = 0;
    std::uint64_t told_dirty_end = 0;
};

std::vector<std::byte> content_of(const Submitted& w) {
    std::vector<std::byte> data(w.count * 512);
    for (std::uint64_t s = 0; s < w.count; ++s) {
        const std::uint64_t words[2] = {w.id, w.first + s};
        std::memcpy(data.data() + s * 512, words, sizeof words);
        for (std::size_t i = sizeof words; i < 512; ++i)
            data[s * 512 + i] = static_cast<std::byte>((w.id * 31 + s * 7 + i) & 0xff);
    }
    return data;
}

task<void> writer(CrashRig& rig) {
    for (;;) {
        const auto id = rig.writes.size();
        Submitted w;
        w.id = id;
        w.first = rig.random().below(kSectors);
        w.count =
            1 + rig.random().below(std::min<std::uint64_t>(kSectors - w.first, rig.random().chance(20) ? 60 : 12));
        if (rig.random().chance(50)) { // blockwise, as filesystems do
            w.first = w.first / 8 * 8;
            w.count = 8;
        }
        w.submitted_at = ++rig.events;
        rig.writes.push_back(w);
        auto data = content_of(w);
        auto written = co_await rig.logger->write(w.first * 512, data, false);
        if (!written) co_return;
        rig.writes[id].acknowledged_at = ++rig.events;
        if (rig.random().chance(30)) co_await rig.env->clock().sleep(Duration(rig.random().below(5'000'000)));
    }
}

// Does what the controller does: remembers the published position from time to time.
task<void> publisher(CrashRig& rig) {
    for (;;) {
        rig.logger->take_finished();
        const auto progress = rig.logger->progress();
        rig.told_log = progress.log;
        rig.told_min = progress.min;
        rig.told_dirty_end = progress.min + progress.dirty;
        co_await rig.env->clock().sleep(Duration(rig.random().below(20'000'000)));
    }
}

task<void> rotator(CrashRig& rig) {
    for (;;) {
        co_await rig.env->clock().sleep(Duration(rig.random().below(60'000'000)));
        result<void> outcome;
        ++rig.seq;
        co_await rig.rotate(rig.seq, outcome);
        if (!outcome) co_return;
    }
}

void live_and_crash(CrashRig& rig, bool power) {
    auto options = rig.options();
    options.writeback.max_age = Duration(rig.random().below(10'000'000));
    options.writeback.start_bytes = 1 << (10 + rig.random().below(10));
    options.writeback.requests.max_requests = 1 + rig.random().below(6);
    rig.memory_limit = rig.random().chance(30) ? 30'000 : 10'000'000;
    rig.start(++rig.seq, options);
    TaskGroup group(*rig.env);
    group.spawn("publisher", publisher(rig));
    for (std::uint64_t i = 1 + rig.random().below(12); i > 0; --i) group.spawn("writer", writer(rig));
    if (rig.random().chance(60)) group.spawn("rotator", rotator(rig));
    rig.world.run_for(Duration(rig.random().below(150'000'000)));
    if (power)
        rig.machine.power_cut();
    else
        rig.process->kill();
}

// All good records of all logs, in order; checks that only the last log with content may end badly.
std::vector<LoggedWrite> all_records(CrashRig& rig) {
    std::vector<LoggedWrite> all;
    bool ended = false;
    for (std::int64_t seq = 1; seq <= rig.seq; ++seq) {
        const auto* content = rig.machine.filesystem().contents(log_path(seq));
        if (!content) continue;
        format::ScanResult stop;
        auto records = parse_log(*content, &stop);
        if (ended) REQUIRE(records.empty());
        std::move(records.begin(), records.end(), std::back_inserter(all));
        ended = stop.kind != format::ScanKind::finished;
    }
    return all;
}

// Every record is a part of a write, unchanged.
void check_records(const CrashRig& rig, const std::vector<LoggedWrite>& log) {
    for (const auto& record : log) {
        std::uint64_t id = 0;
        std::memcpy(&id, record.payload.data(), sizeof id);
        const bool known = id > 0 && id < rig.writes.size();
        const Submitted w = known ? rig.writes[id] : Submitted();
        const bool inside =
            record.pos >= w.first * 512 && record.pos + record.payload.size() <= (w.first + w.count) * 512;
        if (!known || !inside) FAIL("record at sector " << record.pos / 512 << " belongs to no write");
        const auto data = content_of(w);
        REQUIRE(std::equal(record.payload.begin(), record.payload.end(),
                           data.begin() + static_cast<long>(record.pos - w.first * 512)));
    }
}

// Everything acknowledged is in the log, and before whatever was submitted after its acknowledgement.
void check_order(const CrashRig& rig, const std::vector<LoggedWrite>& log) {
    std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> places; // by id: first and last record
    std::map<std::uint64_t, std::uint64_t> bytes;
    for (std::size_t i = 0; i < log.size(); ++i) {
        std::uint64_t id = 0;
        std::memcpy(&id, log[i].payload.data(), sizeof id);
        places.try_emplace(id, i, i).first->second.second = i;
        bytes[id] += log[i].payload.size();
    }
    std::vector<std::pair<std::uint64_t, std::size_t>> acknowledged; // (event, last record)
    for (const auto& w : rig.writes) {
        if (w.acknowledged_at == 0) continue;
        REQUIRE(bytes[w.id] == w.count * 512);
        acknowledged.emplace_back(w.acknowledged_at, places[w.id].second);
    }
    for (const auto& [id, place] : places)
        for (const auto& [at, last] : acknowledged)
            if (at < rig.writes[id].submitted_at && last >= place.first)
                FAIL("write " << id << " was logged before one that had been acknowledged earlier");
}

void check_disk(CrashRig& rig, const std::vector<std::byte>& expected) {
    const auto& found = rig.disk_content();
    for (std::size_t s = 0; s < kSectors; ++s) {
        if (std::memcmp(expected.data() + s * 512, found.data() + s * 512, 512) == 0) continue;
        std::uint64_t words[2] = {};
        std::memcpy(&words[0], expected.data() + s * 512, 8);
        std::memcpy(&words[1], found.data() + s * 512, 8);
        INFO("sector " << s << ": expected write " << words[0] << ", found " << words[1]);
        FAIL();
    }
}

// Replays as a recovering primary does.
void recover(CrashRig& rig, std::uint64_t from_min) {
    rig.open_disk();
    std::uint64_t start = from_min;
    for (std::int64_t seq = rig.told_log.seq; seq <= rig.seq; ++seq, start = 0) {
        const auto* content = rig.machine.filesystem().contents(log_path(seq));
        if (!content) break; // its creation was lost, so nothing was ever written to it
        const auto run = rig.replay(seq, start);
        const auto records = parse_log(*content);
        REQUIRE(run.position == std::max(start, records.empty() ? 0 : records.back().end));
        REQUIRE(run.code.code != format::ReplayCode::kRunning);
    }
}

} // namespace

TEST_CASE("a crashed primary recovers to a prefix with everything acknowledged") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        CrashRig rig(seed);
        for (int life = 0; life < 3; ++life) {
            INFO("life " << life);
            const bool power = rig.random().chance(75);
            live_and_crash(rig, power);
            rig.crash(false);
            const auto log = all_records(rig);
            check_records(rig, log);
            check_order(rig, log);

            std::vector<std::byte> expected(kSectors * 512);
            apply_records(log, expected);
            if (rig.told_log.seq > 0) recover(rig, rig.told_min);
            check_disk(rig, expected);
            if (rig.random().chance(50)) { // and a crash right after it: once more is harmless
                rig.crash(true);
                recover(rig, rig.told_min);
                check_disk(rig, expected);
            }
            // The next life's log follows; what was replayed is durable, so the told position may move on.
            rig.told_log.seq = rig.seq + 1;
            rig.told_min = rig.told_dirty_end = 0;
            // A torn tail is never continued, nor looked at again.
            for (std::int64_t seq = 1; seq <= rig.seq; ++seq)
                if (const auto* content = rig.machine.filesystem().contents(log_path(seq))) {
                    const auto records = parse_log(*content);
                    rig.run([](CrashRig& r, std::string path, std::uint64_t end) -> task<void> {
                        OpenMode mode;
                        mode.write = true;
                        auto file = co_await r.env->storage().open(path, mode);
                        REQUIRE(file);
                        auto cut = co_await (*file)->resize(end);
                        REQUIRE(cut);
                        auto synced = co_await (*file)->sync_data();
                        REQUIRE(synced);
                    }(rig, log_path(seq), records.empty() ? 0 : records.back().end));
                }
        }
    }
}

TEST_CASE("nothing behind the told bound has touched the disk, nothing before the told position is missing there") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        CrashRig rig(seed);
        live_and_crash(rig, true);
        rig.crash(false);
        if (rig.told_log.seq != 1) continue; // one log: positions are easy to compare
        const auto log = all_records(rig);
        std::vector<std::byte> low(kSectors * 512);
        std::size_t at = 0;
        for (; at < log.size() && log[at].end <= rig.told_min; ++at) apply_records({log[at]}, low);
        // Sectors that no later record touches must already be as the position says.
        std::vector<bool> later(kSectors);
        for (; at < log.size(); ++at)
            for (std::size_t s = 0; s < log[at].payload.size() / 512; ++s) later[log[at].pos / 512 + s] = true;
        for (std::uint64_t s = 0; s < kSectors; ++s)
            if (!later[s])
                REQUIRE(std::equal(low.begin() + static_cast<long>(s * 512),
                                   low.begin() + static_cast<long>(s * 512 + 512),
                                   rig.disk_content().begin() + static_cast<long>(s * 512)));
    }
}
