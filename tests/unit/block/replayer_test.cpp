// SPDX-License-Identifier: GPL-2.0-or-later
// Replayer: applies exactly the good records before the first defect, from any boundary, and says why it stopped.
#include "kernel/block/replayer.hpp"

#include <algorithm>

#include "tests/unit/block/logger_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using namespace mars::block;

namespace {

constexpr std::uint64_t kDiskBytes = 256 << 10;

// A log of random, overlapping writes.
std::vector<std::byte> random_log(Random& random, std::size_t records) {
    std::vector<std::byte> log;
    for (std::uint32_t i = 1; i <= records; ++i) {
        format::RecordFields fields;
        fields.stamp = Stamp{1'700'000'000, i};
        fields.seq = i;
        const auto pos = random.below(kDiskBytes / 512) * 512;
        const auto room = std::min<std::uint64_t>(kDiskBytes - pos, 65536 - pos % 65536) / 512;
        fields.pos = static_cast<std::int64_t>(pos);
        const auto payload = random_bytes(random, 512 * (1 + random.below(std::min<std::uint64_t>(room, 8))));
        const auto sum = format::choose_checksum(MARS_LOG_ALL_SUMS, payload);
        format::append_record(fields, payload, *sum, log);
    }
    return log;
}

struct ReplayRig : LoggerRig {
    explicit ReplayRig(std::uint64_t seed) : LoggerRig(seed, kDiskBytes) { open_disk(); }

    void put_log(const std::vector<std::byte>& bytes) {
        std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        REQUIRE(env->storage().write_file(log_path(1), text));
    }
    std::vector<std::byte> expected(const std::vector<LoggedWrite>& records) const {
        std::vector<std::byte> content(kDiskBytes);
        apply_records(records, content);
        return content;
    }
};

task<void> replay_with(ReplayRig& rig, Replayer& replayer, std::uint64_t start, std::uint64_t end, ReplayResult& out) {
    (void)rig;
    out = co_await replayer.run(log_path(1), start, end);
}

ReplayOptions small_portions() {
    ReplayOptions options;
    options.portion_bytes = 20'000;
    options.report_interval = Duration(0);
    return options;
}

task<void> scan(ReplayRig& rig, std::uint64_t start, std::optional<result<LogEnd>>& out) {
    format::ScanOptions options;
    options.device_bytes = kDiskBytes;
    auto end = co_await scan_to_end(*rig.env, log_path(1), start, options);
    out.emplace(std::move(end));
}

} // namespace

TEST_CASE("a replay gives the same disk as applying the records one by one, from any earlier boundary again") {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        INFO("seed " << seed);
        ReplayRig rig(seed);
        const auto log = random_log(rig.random(), 300);
        rig.put_log(log);
        const auto records = parse_log(log);
        auto options = small_portions();
        options.requests.max_requests = 1 + seed % 5;
        Replayer replayer(*rig.env, *rig.disk, options);
        ReplayResult run;
        rig.run(replay_with(rig, replayer, 0, log.size(), run));
        CHECK(run.code == format::ReplayCode{1, 0, std::nullopt});
        CHECK(run.position == log.size());
        CHECK(run.text.empty());
        CHECK(rig.disk_content() == rig.expected(records));
        CHECK(replayer.counters().records == 300);
        CHECK(replayer.counters().disk_bytes <= replayer.counters().log_bytes);
        for (std::size_t again : {0U, 17U, 150U, 299U}) {
            rig.run(replay_with(rig, replayer, again == 0 ? 0 : records[again - 1].end, log.size(), run));
            CHECK(run.code.code == format::ReplayCode::kFinished);
            CHECK(rig.disk_content() == rig.expected(records));
        }
        rig.crash(true); // everything up to the position is durable
        CHECK(rig.disk_content() == rig.expected(records));
    }
}

TEST_CASE("every single damage stops the replay right before the damaged record, with its code") {
    struct Damage {
        const char* what;
        std::size_t offset; // in the record, or from its end if `from_end`
        bool from_end;
        std::vector<int> bytes;
        int code;
        int detail;
    };
    const std::vector<int> zeros(8, 0), same(8, 0x5a);
    const Damage damages[] = {
        {"start magic", 0, false, {1}, -74, -10013},
        {"version", 8, false, {2}, -74, -10003},
        {"valid flag", 9, false, {0}, -74, -10003},
        {"length 0", 10, false, {0, 0}, -85, -10004},
        {"length negative", 10, false, {0, 0x80}, -74, -10005},
        {"length too small", 10, false, {84, 0}, -85, -10007},
        {"end magic 0", 36, true, zeros, -85, 0},
        {"end magic repeated", 36, true, same, -74, -10021},
        {"end magic bad", 36, true, {1}, -56, -10020},
        {"valid copy", 24, true, {2}, -74, -10009},
        {"sequence gap", 20, true, {0xff, 0xff}, -74, -10010},
        {"payload", 100, false, {0xa5, 0x5a, 0xa5}, -74, -10101},
        {"position not in sectors", 28, false, {1}, -74, -10101},
        {"position beyond the device", 31, false, {1}, -74, -10101},
        {"position negative", 35, false, {0x80}, -74, -10101},
        {"checksum", 1, true, {0xa5}, -74, -10101},
    };
    std::uint64_t seed = 100;
    for (const auto& damage : damages) {
        INFO(damage.what);
        ReplayRig rig(++seed);
        auto log = random_log(rig.random(), 60);
        const auto records = parse_log(log);
        const std::size_t victim = 1 + rig.random().below(58);
        const auto start = records[victim - 1].end;
        const auto at = damage.from_end ? records[victim].end - damage.offset : start + damage.offset;
        for (std::size_t i = 0; i < damage.bytes.size(); ++i) {
            const auto value = static_cast<std::byte>(damage.bytes[i]);
            log[at + i] = log[at + i] == value ? value ^ std::byte{0x11} : value;
        }
        rig.put_log(log);
        Replayer replayer(*rig.env, *rig.disk, small_portions());
        ReplayResult run;
        rig.run(replay_with(rig, replayer, 0, log.size(), run));
        CHECK(run.code.code == damage.code);
        CHECK(run.code.detail == damage.detail);
        CHECK(run.position == start);
        CHECK_FALSE(run.text.empty());
        const std::vector<LoggedWrite> good(records.begin(), records.begin() + static_cast<long>(victim));
        CHECK(rig.disk_content() == rig.expected(good));

        std::optional<result<LogEnd>> end;
        rig.run(scan(rig, 0, end));
        REQUIRE(*end);
        CHECK((*end)->tail == LogTail::defect);
        CHECK((*end)->position == start);
        CHECK((*end)->records == victim);
        CHECK((*end)->stop.code == damage.code);
    }
}

TEST_CASE("a log cut at any byte is incomplete, never damaged") {
    ReplayRig rig(3);
    const auto whole = random_log(rig.random(), 12);
    const auto records = parse_log(whole);
    for (std::size_t cut = 0; cut <= whole.size(); cut += 1 + rig.random().below(97)) {
        INFO("cut at " << cut);
        rig.put_log({whole.begin(), whole.begin() + static_cast<long>(cut)});
        std::uint64_t last = 0;
        for (const auto& record : records)
            if (record.end <= cut) last = record.end;
        Replayer replayer(*rig.env, *rig.disk, small_portions());
        ReplayResult run;
        rig.run(replay_with(rig, replayer, 0, cut, run));
        CHECK(run.code.code == (last == cut ? format::ReplayCode::kFinished : format::ReplayCode::kIncomplete));
        CHECK(run.position == last);
        std::optional<result<LogEnd>> end;
        rig.run(scan(rig, 0, end));
        REQUIRE(*end);
        CHECK((*end)->tail == (last == cut ? LogTail::clean : LogTail::torn));
        CHECK((*end)->position == last);
    }
}

TEST_CASE("a failing disk ends the run with its errno, at the last flushed position") {
    for (auto operation : {sim::Operation::write, sim::Operation::sync}) {
        ReplayRig rig(4);
        const auto log = random_log(rig.random(), 300);
        rig.put_log(log);
        const auto records = parse_log(log);
        int allowed = operation == sim::Operation::write ? 30 : 3;
        rig.machine.filesystem().fault = [&](sim::Operation op, const std::string& path) -> std::optional<int> {
            if (op != operation || path != kDisk || allowed-- > 0) return std::nullopt;
            return EIO;
        };
        Replayer replayer(*rig.env, *rig.disk, small_portions());
        ReplayResult run;
        rig.run(replay_with(rig, replayer, 0, log.size(), run));
        CHECK(run.code.code == -EIO);
        CHECK(run.position > 0);
        CHECK(run.position < log.size());
        CHECK(replayer.dirty_end() > run.position);
        rig.machine.filesystem().fault = nullptr;
        rig.run(replay_with(rig, replayer, run.position, log.size(), run)); // goes on where it stopped
        CHECK(run.code.code == format::ReplayCode::kFinished);
        CHECK(rig.disk_content() == rig.expected(records));
    }
}

TEST_CASE("a missing or too short log is told with its errno") {
    ReplayRig rig(5);
    Replayer replayer(*rig.env, *rig.disk, ReplayOptions());
    ReplayResult run;
    rig.run(replay_with(rig, replayer, 0, 1000, run));
    CHECK(run.code.code == -ENOENT);
    rig.put_log(std::vector<std::byte>(10));
    rig.run(replay_with(rig, replayer, 100, 1000, run));
    CHECK(run.code.code == -EBADF);
    CHECK(run.position == 100);
}

TEST_CASE("a stop, by request or by cancellation, leaves the disk exactly at the position") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        ReplayRig rig(seed);
        const auto log = random_log(rig.random(), 400);
        rig.put_log(log);
        const auto records = parse_log(log);
        Replayer replayer(*rig.env, *rig.disk, small_portions());
        ReplayResult run;
        TaskGroup group(*rig.env);
        group.spawn("replay", replay_with(rig, replayer, 0, log.size(), run));
        rig.world.run_for(Duration(rig.random().below(20'000'000)));
        if (seed % 2)
            replayer.request_stop();
        else
            group.cancel();
        REQUIRE(rig.world.run_until([&] { return group.live() == 0; }, 1h));
        CHECK_FALSE(replayer.is_running());
        std::vector<LoggedWrite> applied;
        for (const auto& record : records)
            if (record.end <= replayer.position()) applied.push_back(record);
        CHECK((applied.empty() ? 0 : applied.back().end) == replayer.position());
        CHECK(rig.disk_content() == rig.expected(applied));
        if (seed % 2 && replayer.position() < log.size()) CHECK(run.code.code == format::ReplayCode::kIncomplete);
    }
}
