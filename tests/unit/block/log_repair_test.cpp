// SPDX-License-Identifier: GPL-2.0-or-later
// A damaged log is mended from a copy of it: only what is bad changes, and only good records of the same history come
// in.
#include "kernel/block/log_repair.hpp"

#include "kernel/format/log_record.hpp"
#include "kernel/format/log_scan.hpp"
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

struct TestLog {
    Bytes bytes;
    std::vector<std::uint64_t> starts; // of the records

    // Some byte of a record's payload: not all of the header is covered by checksums.
    std::uint64_t payload_byte(std::size_t record, std::uint64_t number) const {
        const auto rest = std::span<const std::byte>(bytes).subspan(starts[record]);
        const auto step = format::scan_record(rest, starts[record], 0, {});
        const auto payload = step.record->payload;
        return static_cast<std::uint64_t>(payload.data() - bytes.data()) + number % payload.size();
    }
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

// An Env whose files have one block that cannot be read before it is written as a whole.
class BadBlock final : public env::Env {
  public:
    BadBlock(env::Env& inner, std::uint64_t at, bool& is_bad) : inner_(inner), storage_(inner, at, is_bad) {}

    env::executor get_executor() override { return inner_.get_executor(); }
    env::ParkingLot& lot() override { return inner_.lot(); }
    env::Clock& clock() override { return inner_.clock(); }
    env::Storage& storage() override { return storage_; }
    env::Net& net() override { return inner_.net(); }
    env::Random& random() override { return inner_.random(); }
    env::Log& log() override { return inner_.log(); }
    const std::string& hostname() const override { return inner_.hostname(); }

  private:
    class BadFile final : public env::File {
      public:
        BadFile(std::unique_ptr<env::File> inner, std::uint64_t at, bool& is_bad)
            : inner_(std::move(inner)), at_(at), is_bad_(is_bad) {}
        env::task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) override {
            if (is_bad_ && offset < at_ + 4096 && at_ < offset + into.size())
                co_return failure(std::errc::io_error, "bad sector");
            auto got = co_await inner_->read(offset, into);
            co_return got;
        }
        env::task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) override {
            const bool touches = offset < at_ + 4096 && at_ < offset + data.size();
            const bool covers = offset <= at_ && at_ + 4096 <= offset + data.size();
            if (is_bad_ && touches && !covers) co_return failure(std::errc::io_error, "bad sector");
            if (covers) is_bad_ = false;
            auto done = co_await inner_->write(offset, data);
            co_return done;
        }
        env::task<result<void>> sync_data() override {
            auto done = co_await inner_->sync_data();
            co_return done;
        }
        env::task<result<void>> resize(std::uint64_t size) override {
            auto done = co_await inner_->resize(size);
            co_return done;
        }
        result<std::uint64_t> size() const override { return inner_->size(); }

      private:
        std::unique_ptr<env::File> inner_;
        std::uint64_t at_;
        bool& is_bad_;
    };
    class BadStorage final : public env::Storage {
      public:
        BadStorage(env::Env& inner, std::uint64_t at, bool& is_bad)
            : inner_(inner.storage()), at_(at), is_bad_(is_bad) {}
        env::task<result<std::unique_ptr<env::File>>> open(std::string path, env::OpenMode mode) override {
            MARS_CO_TRY(auto file, co_await inner_.open(std::move(path), mode));
            std::unique_ptr<env::File> bad = std::make_unique<BadFile>(std::move(file), at_, is_bad_);
            co_return std::move(bad);
        }
        result<env::SymlinkValue> read_symlink(const std::string& p) const override { return inner_.read_symlink(p); }
        result<void> write_symlink(const std::string& p, const std::string& t, const std::string& v, Stamp m) override {
            return inner_.write_symlink(p, t, v, m);
        }
        result<env::FileStatus> status(const std::string& p) const override { return inner_.status(p); }
        result<std::vector<env::DirectoryEntry>> list(const std::string& d) const override { return inner_.list(d); }
        result<void> make_directory(const std::string& p) override { return inner_.make_directory(p); }
        result<void> remove(const std::string& p) override { return inner_.remove(p); }
        result<void> remove_directory(const std::string& p) override { return inner_.remove_directory(p); }
        result<void> rename(const std::string& a, const std::string& b) override { return inner_.rename(a, b); }
        result<env::SpaceInfo> space(const std::string& p) const override { return inner_.space(p); }
        result<std::string> read_file(const std::string& p, std::size_t l) const override {
            return inner_.read_file(p, l);
        }
        result<void> write_file(const std::string& p, std::string_view c) override { return inner_.write_file(p, c); }
        env::task<result<void>> sync_filesystem(std::string p) override {
            auto done = co_await inner_.sync_filesystem(std::move(p));
            co_return done;
        }
        env::task<result<void>> sync_directory(std::string p) override {
            auto done = co_await inner_.sync_directory(std::move(p));
            co_return done;
        }
        result<std::unique_ptr<env::DirectoryWatch>> watch() override { return inner_.watch(); }

      private:
        env::Storage& inner_;
        std::uint64_t at_;
        bool& is_bad_;
    };

    env::Env& inner_;
    BadStorage storage_;
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
            flip(damaged, log.payload_byte(record, random.next()));
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
    flip(damaged, log.payload_byte(10, 7));
    flip(damaged, log.payload_byte(80, 7));
    pair.give_alpha(Bytes(log.bytes.begin(), log.bytes.begin() + static_cast<std::ptrdiff_t>(log.starts[50])));
    pair.give_beta(damaged);
    const auto ended = pair.repair();
    REQUIRE(ended);
    CHECK_FALSE(ended->is_whole);
    CHECK(ended->text == "its copy ends at byte " + std::to_string(log.starts[50]));
    flip(damaged, log.payload_byte(10, 7)); // good again
    CHECK((pair.content() == damaged));
}

TEST_CASE("repair: another history, a damaged copy, or none changes nothing") {
    const auto log = make_log(1, 100);
    auto damaged = log.bytes;
    flip(damaged, log.payload_byte(60, 7));
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
    SECTION("a record that is good, and another one") {
        auto other = log;
        const auto from = log.starts[61];
        const auto tail = make_log(2, 100);
        other.bytes.resize(from);
        other.bytes.insert(other.bytes.end(), tail.bytes.begin() + static_cast<std::ptrdiff_t>(tail.starts[61]),
                           tail.bytes.end());
        pair.give_alpha(other.bytes);
        damaged = log.bytes;
        flip(damaged, log.payload_byte(90, 5));
        pair.give_beta(damaged);
        wanted = "although both are good records there";
    }
    const auto ended = pair.repair();
    REQUIRE(ended);
    CHECK_FALSE(ended->is_whole);
    CHECK(ended->text.find(wanted) != std::string::npos);
    CHECK((pair.content() == damaged));
}

TEST_CASE("repair: who refuses has not been asked") {
    const auto log = make_log(1, 100);
    auto damaged = log.bytes;
    flip(damaged, log.payload_byte(60, 1));
    RepairPair pair(1);
    pair.give_beta(damaged);
    pair.plan.resource = "other";
    const auto ended = pair.repair();
    REQUIRE(!ended);
    CHECK(ended.error().text.find("no such resource here") != std::string::npos);
    CHECK((pair.content() == damaged));
}

TEST_CASE("repair: sectors that cannot be read are written in whole blocks") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        RepairPair pair(seed);
        const auto log = make_log(seed, 300);
        pair.give_alpha(log.bytes);
        pair.give_beta(log.bytes);
        const auto record = 50 + pair.world.random().below(100);
        pair.plan.from = log.starts[pair.world.random().below(record)];
        // The block is bad until it is written as a whole; what needs to be read for that fails as well.
        const auto bad = log.starts[record] / 4096;
        bool is_bad = true;
        BadBlock storage(*pair.process, bad * 4096, is_bad);
        std::optional<result<RepairEnd>> ended;
        auto run = [](env::Env& env, RepairPlan plan, std::optional<result<RepairEnd>>& to) -> env::task<void> {
            to = co_await repair_log(env, std::move(plan));
        };
        run_now(pair.world, pair.tasks, run(storage, pair.plan, ended));
        REQUIRE(*ended);
        INFO((*ended)->text);
        CHECK((*ended)->is_whole);
        CHECK_FALSE(is_bad);
        CHECK((pair.content() == log.bytes));
    }
}

TEST_CASE("repair: a torn end is completed from the peer") {
    RepairPair pair(1);
    const auto log = make_log(1, 100);
    pair.give_alpha(log.bytes);
    pair.give_beta(Bytes(log.bytes.begin(), log.bytes.begin() + static_cast<std::ptrdiff_t>(log.starts[60] + 50)));
    const auto ended = pair.repair();
    REQUIRE(ended);
    CHECK(ended->is_whole);
    CHECK((pair.content().size() > log.starts[60]));
    CHECK(std::equal(pair.content().begin(), pair.content().end(), log.bytes.begin()));
}

TEST_CASE("repair: a crash in between leaves a log that can be mended again") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        RepairPair pair(seed);
        const auto log = make_log(seed, 2000);
        auto damaged = log.bytes;
        for (std::size_t record = 100; record < 1900; record += 100) flip(damaged, log.payload_byte(record, 99));
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
