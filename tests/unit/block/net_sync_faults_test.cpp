// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever fails in the middle of a sync, no position is told that is not equal and durable, and nothing stays behind.
#include <set>

#include "net_sync_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

bool equal_below(const Bytes& a, const Bytes& b, std::uint64_t offset) {
    return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(offset), b.begin());
}

// A device that counts what is in flight, and fails on demand.
class WatchedDisk final : public Device {
  public:
    explicit WatchedDisk(Device& below) : below_(below) {}
    int in_flight = 0;
    int flushes = 0;
    std::function<bool()> write_fails = [] { return false; };
    std::function<bool()> flush_fails = [] { return false; };

    std::uint64_t size() const override { return below_.size(); }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        return below_.read(offset, into);
    }
    env::task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data, bool fua) override {
        Flight flight(in_flight);
        if (write_fails()) co_return failure(std::errc::io_error, "write failed");
        co_return co_await below_.write(offset, data, fua);
    }
    env::task<result<void>> flush() override {
        ++flushes;
        if (flush_fails()) co_return failure(std::errc::io_error, "flush failed");
        co_return co_await below_.flush();
    }

  private:
    struct Flight {
        explicit Flight(int& c) : count(c) { ++count; }
        ~Flight() { --count; }
        int& count;
    };
    Device& below_;
};

} // namespace

TEST_CASE("sync: power cuts of the target never fake progress") {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        CAPTURE(seed);
        env::sim::World world(seed);
        auto content = random_bytes(12 * kMiB, seed);
        SyncAlpha alpha(world, content);
        world.network().link("10.0.0.1", "10.0.0.2").latency = 100us;
        auto& machine = world.add_machine("beta", "10.0.0.2");
        set_contents(machine, random_bytes(12 * kMiB, seed + 1000));
        std::uint64_t told = 0;
        for (int life = 0; life < 5; ++life) {
            SyncBeta beta(world, machine);
            beta.limits.report = 20ms;
            beta.limits.window_bytes = 4 * kMiB;
            beta.plan.start = told;
            beta.start();
            world.run_for(std::chrono::milliseconds(world.random().below(100)));
            told = std::max(told, beta.observer.offset);
            machine.power_cut();
            REQUIRE(equal_below(contents(machine), content, told));
        }
        SyncBeta beta(world, machine);
        beta.plan.start = told;
        REQUIRE(beta.finish());
        REQUIRE(beta.ended->has_value());
        CHECK((*beta.ended)->kind == SyncEnd::Kind::finished);
        machine.power_cut(); // also the end is durable
        CHECK(contents(machine) == content);
        stop_all(world, alpha);
    }
}

TEST_CASE("sync: a cut link fails the sync in time, and the next one continues") {
    env::sim::World world(1);
    auto content = random_bytes(64 * kMiB, 1);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, random_bytes(64 * kMiB, 2));
    SyncBeta beta(world, machine);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.observer.offset > 0; }, 60s));
    world.network().cut("10.0.0.1", "10.0.0.2");
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s));
    CHECK(!beta.ended->has_value());
    auto told = beta.observer.offset;
    CHECK(told < content.size());
    CHECK(equal_below(contents(machine), content, told));
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 120s));
    world.network().heal("10.0.0.1", "10.0.0.2");
    alpha.source->bytes_read = 0;
    beta.plan.start = told;
    beta.start();
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK(contents(machine) == content);
    CHECK(alpha.source->bytes_read <= content.size() - told + kMiB);
    stop_all(world, alpha);
}

TEST_CASE("sync: a power cut of the source is noticed in time") {
    env::sim::World world(2);
    auto content = random_bytes(32 * kMiB, 1);
    auto alpha = std::make_unique<SyncAlpha>(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(32 * kMiB));
    SyncBeta beta(world, machine);
    beta.start();
    REQUIRE(world.run_until([&] { return beta.observer.offset > 0; }, 60s));
    alpha->machine.power_cut();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s));
    CHECK(!beta.ended->has_value());
    CHECK(equal_below(contents(machine), content, beta.observer.offset));
}

TEST_CASE("sync: a source in emergency is an end of its own kind, at the begin and in the middle") {
    env::sim::World world(3);
    SyncAlpha alpha(world, random_bytes(32 * kMiB, 1));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(32 * kMiB));
    SyncBeta beta(world, machine);
    alpha.source->is_accepting = false;
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::emergency);

    alpha.source->is_accepting = true;
    beta.start();
    REQUIRE(world.run_until([&] { return beta.observer.offset > 0; }, 60s));
    alpha.source->is_accepting = false;
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::emergency);
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
    stop_all(world, alpha);
}

TEST_CASE("sync: strangers are refused with a reason") {
    env::sim::World world(4);
    SyncAlpha alpha(world, Bytes(kMiB));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(kMiB));
    SyncBeta beta(world, machine);
    beta.plan.uuid = "other_1.0";
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::refused);
    CHECK((*beta.ended)->text == "you belong to another cluster");
    stop_all(world, alpha);
}

TEST_CASE("sync: while the source is written, each segment becomes what one read has seen") {
    env::sim::World world(5);
    const std::size_t size = 8 * kMiB;
    auto content = random_bytes(size, 1);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    auto old = content;
    for (std::size_t i = 0; i < size; i += 40'000) old[i] ^= std::byte{1};
    set_contents(machine, old);

    // All states that any segment has ever had.
    std::vector<std::set<StrongDigest>> states(size / kSegmentBytes);
    auto inode = alpha.machine.filesystem().find(kDiskPath)->inode;
    auto remember = [&](std::size_t segment) {
        states[segment].insert(
            sha256(std::span<const std::byte>(inode->current).subspan(segment * kSegmentBytes, kSegmentBytes)));
    };
    for (std::size_t i = 0; i < states.size(); ++i) remember(i);
    std::function<void()> write = [&] {
        auto block = world.random().below(size / 4096);
        for (std::size_t i = 0; i < 4096; ++i)
            inode->current[block * 4096 + i] = static_cast<std::byte>(world.random().next());
        remember(block / kSegmentBlocks);
        world.after(100us, write);
    };
    world.after(0s, write);
    SyncBeta beta(world, machine);
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::finished);
    for (std::size_t i = 0; i < states.size(); ++i) {
        auto segment = std::span<const std::byte>(contents(machine)).subspan(i * kSegmentBytes, kSegmentBytes);
        CHECK(states[i].count(sha256(segment)) == 1);
    }
    stop_all(world, alpha);
}

TEST_CASE("sync: stopping returns soon, and no write is in flight then") {
    env::sim::World world(6);
    SyncAlpha alpha(world, random_bytes(32 * kMiB, 1));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(32 * kMiB));
    SyncBeta beta(world, machine);
    WatchedDisk disk(*beta.disk);
    beta.client = std::make_unique<SyncClient>(*beta.process, disk, beta.plan, beta.observer, beta.digests);
    beta.tasks.spawn("sync", beta.run());
    REQUIRE(world.run_until([&] { return disk.in_flight > 0; }, 60s));
    auto begin = world.now();
    beta.tasks.cancel();
    REQUIRE(world.run_until([&] { return beta.tasks.live() == 0; }, 10s));
    CHECK(world.now() - begin < 100ms);
    CHECK(disk.in_flight == 0);
    auto after = contents(machine);
    world.run_for(10s);
    CHECK(contents(machine) == after);
    CHECK(alpha.server.sessions() == 0);
    stop_all(world, alpha);
}

TEST_CASE("sync: a failing write or flush of the target ends the sync without faked progress") {
    for (bool flush : {false, true}) {
        env::sim::World world(7);
        auto content = random_bytes(32 * kMiB, 1);
        SyncAlpha alpha(world, content);
        auto& machine = world.add_machine("beta", "10.0.0.2");
        set_contents(machine, Bytes(32 * kMiB));
        SyncBeta beta(world, machine);
        WatchedDisk disk(*beta.disk);
        int count = 0;
        if (flush)
            disk.flush_fails = [&] { return true; };
        else
            disk.write_fails = [&] { return ++count == 20; };
        beta.client = std::make_unique<SyncClient>(*beta.process, disk, beta.plan, beta.observer, beta.digests);
        beta.tasks.spawn("sync", beta.run());
        REQUIRE(beta.finish());
        REQUIRE(!beta.ended->has_value());
        CHECK(beta.ended->error().is(std::errc::io_error));
        CHECK(beta.ended->error().text.find("mydata") != std::string::npos);
        if (flush) CHECK(beta.observer.offset == 0);
        CHECK(equal_below(contents(machine), content, beta.observer.offset));
        CHECK(disk.in_flight == 0);
        stop_all(world, alpha);
    }
}

TEST_CASE("sync: a source that cannot be read is reported with the peer's words") {
    env::sim::World world(8);
    SyncAlpha alpha(world, random_bytes(8 * kMiB, 1));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(8 * kMiB));
    alpha.machine.filesystem().fault = [](env::sim::Operation o, const std::string&) -> std::optional<int> {
        return o == env::sim::Operation::read ? std::optional<int>(5) : std::nullopt;
    };
    SyncBeta beta(world, machine);
    REQUIRE(beta.finish());
    REQUIRE(!beta.ended->has_value());
    CHECK(beta.ended->error().text.find("alpha cannot go on") != std::string::npos);
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
    stop_all(world, alpha);
}

TEST_CASE("sync: disconnecting the resource at the source ends the session") {
    env::sim::World world(9);
    SyncAlpha alpha(world, random_bytes(32 * kMiB, 1));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(32 * kMiB));
    world.network().link("10.0.0.1", "10.0.0.2").bytes_per_second = 4'000'000; // it must not be complete yet
    SyncBeta beta(world, machine);
    beta.start();
    REQUIRE(world.run_until([&] { return alpha.server.sessions() == 1 && beta.client->is_connected(); }, 60s));
    run_now(world, alpha.tasks, alpha.server.disconnect("mydata"));
    CHECK(alpha.server.sessions() == 0);
    CHECK(alpha.source.use_count() == 1);
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 60s));
    if (beta.ended->has_value()) CHECK((*beta.ended)->kind != SyncEnd::Kind::finished);
    stop_all(world, alpha);
}

namespace {

// A source whose patches are wrong as long as `lies` > 0, as if short digests had collided.
env::task<result<void>> serve_lies(PeerSession& peer, const Bytes& content, int& lies) {
    MARS_CO_TRY(Frame first, co_await peer.expect());
    CHECK(first.is(SyncMessage::request));
    MARS_CO_TRY_VOID(co_await peer.send(encode_source(content.size())));
    for (;;) {
        MARS_CO_TRY(std::optional<Frame> frame, co_await peer.receive());
        if (!frame) co_return result<void>();
        if (frame->is(SyncMessage::digests)) {
            auto asked = parse_digests(frame->payload);
            REQUIRE(asked);
            Verdict verdict;
            verdict.batch = asked->batch;
            verdict.different = 1;
            MARS_CO_TRY_VOID(co_await peer.send(encode_verdict(verdict)));
            continue;
        }
        auto batch =
            frame->is(SyncMessage::blocks) ? parse_blocks(frame->payload)->batch : parse_whole(frame->payload)->batch;
        SegmentPatch patch;
        patch.digest = sha256(std::span(content).first(kSegmentBytes));
        patch.different = lies-- > 0 ? BlockMask{1} : batch.all_blocks(0);
        auto answer = encode_patch(batch, {patch}, content);
        MARS_CO_TRY_VOID(co_await peer.send(std::move(answer)));
    }
}

} // namespace

TEST_CASE("sync: a patched segment that comes out wrong is transferred wholly, and a lie twice is a failure") {
    for (int lies : {1, 2}) {
        CAPTURE(lies);
        env::sim::World world(10);
        auto& source = world.add_machine("alpha", "10.0.0.1");
        auto process = source.start_process("marsd");
        auto content = random_bytes(kMiB, 1);
        int left = lies;
        TestGate gate("alpha");
        PeerServer server(*process, gate, Purpose::sync,
                          [&](PeerSession& peer, const Hello&) { return serve_lies(peer, content, left); });
        KillAtEnd end{*process};
        env::Endpoint at;
        at.port = kSyncPort;
        REQUIRE(server.start(at));
        auto& machine = world.add_machine("beta", "10.0.0.2");
        auto old = content;
        std::fill(old.begin(), old.begin() + kSegmentBytes, std::byte{1});
        set_contents(machine, old);
        {
            SyncBeta beta(world, machine);
            REQUIRE(beta.finish());
            if (lies == 1) {
                REQUIRE(beta.ended->has_value());
                CHECK(contents(machine) == content);
                CHECK(beta.client->counters().segments_repeated == 1);
            } else {
                REQUIRE(!beta.ended->has_value());
                CHECK(beta.ended->error().is(std::errc::bad_message));
                CHECK(contents(machine) == old);
            }
        }
    }
}

TEST_CASE("sync: a silent or stuck source ends the sync although signs of life come") {
    env::sim::World world(11);
    auto& source = world.add_machine("alpha", "10.0.0.1");
    auto process = source.start_process("marsd");
    TestGate gate("alpha");
    auto serve = [](PeerSession& peer) -> env::task<result<void>> {
        MARS_CO_TRY(Frame first, co_await peer.expect());
        MARS_CO_TRY_VOID(co_await peer.send(encode_source(kMiB)));
        for (;;) {
            MARS_CO_TRY(std::optional<Frame> frame, co_await peer.receive()); // never answers
            if (!frame) co_return result<void>();
        }
    };
    PeerServer server(*process, gate, Purpose::sync, [&](PeerSession& peer, const Hello&) { return serve(peer); });
    KillAtEnd end{*process};
    env::Endpoint at;
    at.port = kSyncPort;
    REQUIRE(server.start(at));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(kMiB));
    {
        SyncBeta beta(world, machine);
        REQUIRE(beta.finish());
        REQUIRE(!beta.ended->has_value());
        CHECK(beta.ended->error().is(std::errc::timed_out));
        CHECK(world.now() > 80s);
        CHECK(world.now() < 120s);
    }
}

TEST_CASE("sync: on a slow line the sync crawls, and is not given up") {
    env::sim::World world(12);
    auto content = random_bytes(3 * kMiB, 1);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(3 * kMiB));
    world.network().link("10.0.0.1", "10.0.0.2").bytes_per_second = 8000; // 64 kbit/s
    SyncBeta beta(world, machine);
    REQUIRE(beta.finish(1200s));
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::finished);
    CHECK(contents(machine) == content);
    stop_all(world, alpha);
}
