// SPDX-License-Identifier: GPL-2.0-or-later
// A damaged log is mended from a copy of it: only what is bad changes, and only good records of the same history come
// in.
#include "kernel/block/log_repair.hpp"

#include "kernel/format/log_record.hpp"
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

struct TestLog {
    Bytes bytes;
    std::vector<std::uint64_t> starts; // of the records
};

TestLog make_log(std::uint64_t seed, std::uint32_t records) {
    env::sim::SeededRandom random(seed);
    TestLog log;
    for (std::uint32_t i = 1; i <= records; ++i) {
        format::RecordFields fields;
        fields.stamp = Stamp{1'700'000'000, i};
        fields.seq = i;
        fields.pos = static_cast<std::int64_t>(random.below(1000) * 65536);
        const auto payload = random_bytes(512 * (1 + random.below(8)), seed * 1'000'000 + i);
        const auto sum = format::choose_checksum(MARS_LOG_ALL_SUMS, payload);
        log.starts.push_back(log.bytes.size());
        format::append_record(fields, payload, *sum, log.bytes);
    }
    return log;
}

// alpha has a good copy, or the beginning of one; beta's is damaged. It is beta's own log.
struct RepairPair {
    explicit RepairPair(std::uint64_t seed)
        : world(seed), alpha(world), machine(world.add_machine("beta", "10.0.0.2")),
          process(machine.start_process("marsd")), tasks(*process) {
        make_directories(*process);
        plan.peer = env::Endpoint{"10.0.0.1", kLogPort};
        plan.peer_host = "alpha";
        plan.uuid = kUuid;
        plan.resource = "mydata";
        plan.directory = kDirectory;
        plan.log = log_name(1, "beta");
    }
    ~RepairPair() { process->kill(); }

    void give_alpha(const Bytes& copy) { run_now(world, alpha.tasks, alpha.logs->append(plan.log, copy)); }
    void give_beta(const Bytes& content) {
        std::string text(reinterpret_cast<const char*>(content.data()), content.size());
        REQUIRE(process->storage().write_file(log_path(plan.log), text));
    }
    const Bytes& content() { return *machine.filesystem().contents(log_path(plan.log)); }
    result<RepairEnd> repair() {
        std::optional<result<RepairEnd>> ended;
        auto run = [](RepairPair& pair, std::optional<result<RepairEnd>>& to) -> env::task<void> {
            to = co_await repair_log(*pair.process, pair.plan);
        };
        run_now(world, tasks, run(*this, ended));
        return *ended;
    }

    env::sim::World world;
    Alpha alpha;
    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    env::TaskGroup tasks;
    RepairPlan plan;
};

void flip(Bytes& bytes, std::uint64_t at) {
    bytes[at] ^= std::byte{0x40};
}

} // namespace

TEST_CASE("repair: what is damaged is replaced, and nothing else; what only this host has stays") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        RepairPair pair(seed);
        env::sim::SeededRandom random(seed);
        const auto log = make_log(seed, 400);
        const auto damages = 1 + random.below(4);
        std::size_t last = 0;
        auto damaged = log.bytes;
        std::size_t first = log.starts.size();
        for (std::uint64_t i = 0; i < damages; ++i) {
            const auto record = random.below(300);
            const auto length = log.starts[record + 1] - log.starts[record];
            flip(damaged, log.starts[record] + random.below(length));
            first = std::min(first, record);
            last = std::max(last, record);
        }
        // Of the peer's copy, there is all that was damaged, or some more.
        const auto copy = log.starts[std::min(last + 1 + random.below(50), log.starts.size() - 1)];
        pair.give_alpha(Bytes(log.bytes.begin(), log.bytes.begin() + static_cast<std::ptrdiff_t>(copy)));
        pair.give_beta(damaged);
        pair.plan.from = log.starts[random.below(first + 1)];
        const auto ended = pair.repair();
        REQUIRE(ended);
        INFO(ended->text);
        CHECK(ended->is_whole);
        CHECK(ended->replaced > 0);
        CHECK((pair.content() == log.bytes));
        pair.machine.power_cut(); // it is durable
        CHECK((pair.content() == log.bytes));
    }
}

TEST_CASE("repair: a part that the peer has is mended, and what is missing is told") {
    RepairPair pair(1);
    const auto log = make_log(1, 100);
    auto damaged = log.bytes;
    flip(damaged, log.starts[10] + 100);
    flip(damaged, log.starts[80] + 100);
    pair.give_alpha(Bytes(log.bytes.begin(), log.bytes.begin() + static_cast<std::ptrdiff_t>(log.starts[50])));
    pair.give_beta(damaged);
    const auto ended = pair.repair();
    REQUIRE(ended);
    CHECK_FALSE(ended->is_whole);
    CHECK(ended->text == "its copy ends at byte " + std::to_string(log.starts[50]));
    flip(damaged, log.starts[10] + 100); // good again
    CHECK((pair.content() == damaged));
}

TEST_CASE("repair: another history, a damaged copy, or none changes nothing") {
    const auto log = make_log(1, 100);
    auto damaged = log.bytes;
    flip(damaged, log.starts[60] + 100);
    RepairPair pair(1);
    pair.plan.from = log.starts[60];
    pair.give_beta(damaged);
    std::string wanted;
    SECTION("none") {
        wanted = "it does not have the log";
    }
    SECTION("too short") {
        pair.give_alpha(Bytes(log.bytes.begin(), log.bytes.begin() + 5000));
        wanted = "its copy ends at byte 5000, before the damage";
    }
    SECTION("another history") {
        auto other = make_log(1, 100).bytes;
        const auto tail = make_log(2, 100);
        other.resize(log.starts[50]); // equal up to there
        other.insert(other.end(), tail.bytes.begin() + static_cast<std::ptrdiff_t>(tail.starts[50]), tail.bytes.end());
        pair.give_alpha(other);
        wanted = "its copy differs already below byte " + std::to_string(log.starts[60]);
    }
    SECTION("damaged, too") {
        pair.give_alpha(damaged);
        wanted = "its copy is damaged, too";
    }
    SECTION("refused") {
        pair.plan.resource = "other";
        wanted = "no such resource here";
    }
    const auto ended = pair.repair();
    REQUIRE(ended);
    CHECK_FALSE(ended->is_whole);
    CHECK(ended->text.find(wanted) != std::string::npos);
    CHECK((pair.content() == damaged));
}

TEST_CASE("repair: a crash in between leaves a log that can be mended again") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        RepairPair pair(seed);
        const auto log = make_log(seed, 2000);
        auto damaged = log.bytes;
        for (std::size_t record = 100; record < 1900; record += 100) flip(damaged, log.starts[record] + 99);
        pair.give_alpha(log.bytes);
        pair.give_beta(damaged);
        auto run = [](env::Env& env, RepairPlan plan, std::optional<result<RepairEnd>>& to) -> env::task<void> {
            to = co_await repair_log(env, std::move(plan));
        };
        std::optional<result<RepairEnd>> ended;
        {
            auto life = pair.machine.start_process("marsd");
            env::TaskGroup tasks(*life);
            tasks.spawn("repair", run(*life, pair.plan, ended));
            pair.world.run_for(std::chrono::milliseconds(pair.world.random().below(60)));
            pair.machine.power_cut();
        }
        for (std::size_t record = 0; record < 100; ++record)
            CHECK(pair.content()[log.starts[record] + 99] == log.bytes[log.starts[record] + 99]);
        auto life = pair.machine.start_process("marsd");
        {
            env::TaskGroup tasks(*life);
            run_now(pair.world, tasks, run(*life, pair.plan, ended));
        }
        life->kill();
        REQUIRE(*ended);
        CHECK((*ended)->is_whole);
        CHECK((pair.content() == log.bytes));
    }
}
