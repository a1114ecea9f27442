// SPDX-License-Identifier: GPL-2.0-or-later
// What the simulated network and clocks can do to programs.
#include <catch2/catch.hpp>

#include <cerrno>

#include "kernel/env/sim/strangers.hpp"
#include "tests/unit/env/sim_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::sim;
using namespace mars::env::sim::testing;

namespace {

constexpr const char* kA = "10.0.0.1";
constexpr const char* kB = "10.0.0.2";

// A connection between two machines, both ends in the hands of the test.
struct Line {
    explicit Line(std::uint64_t seed = 1) : world(seed) {
        a = world.add_machine("a", kA).start_process("test");
        b = world.add_machine("b", kB).start_process("test");
        at_a = std::make_unique<TaskGroup>(*a);
        at_b = std::make_unique<TaskGroup>(*b);
        listener = std::move(*b->net().listen({"", 7777}));
    }
    ~Line() {
        a->kill();
        b->kill();
    }

    task<void> call(std::unique_ptr<Stream>& out, std::error_code& why) {
        const Endpoint at{to, 7777};
        auto made = co_await a->net().connect(at, 5s);
        if (made)
            out = std::move(*made);
        else
            why = made.error().code;
    }
    task<void> answer(std::unique_ptr<Stream>& out) {
        auto made = co_await listener->accept();
        if (made) out = std::move(*made);
    }
    void connect() {
        a_end.reset();
        b_end.reset();
        at_b->spawn("answer", answer(b_end));
        at_a->spawn("call", call(a_end, error));
        REQUIRE(world.run_until([&] { return a_end && b_end; }, 10s));
    }
    // What a read at this end has come to: bytes, or an errno.
    struct Heard {
        std::size_t bytes = 0;
        int error = 0;
        bool is_over = false;
        Duration last{0};
    };
    task<void> hear(Stream& stream, Heard& heard) {
        std::vector<std::byte> into(4096);
        while (true) {
            auto got = co_await stream.read_some(into);
            if (!got) heard.error = got.error().code.value();
            if (!got || *got == 0) break;
            heard.bytes += *got;
            heard.last = world.now();
        }
        heard.is_over = true;
    }
    task<void> say(Stream& stream, std::size_t size, int& error_number) {
        const auto data = bytes(size);
        auto written = co_await stream.write(data);
        error_number = written ? 0 : written.error().code.value();
    }
    void listen_at_both_ends() {
        at_a->spawn("hear", hear(*a_end, a_heard));
        at_b->spawn("hear", hear(*b_end, b_heard));
        world.settle();
    }
    void say_at_a(std::size_t size) { at_a->spawn("say", say(*a_end, size, a_said)); }
    void say_at_b(std::size_t size) { at_b->spawn("say", say(*b_end, size, b_said)); }
    Network& network() { return world.network(); }

    World world;
    std::string to = kB;
    std::unique_ptr<Process> a, b;
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Stream> a_end, b_end;
    std::error_code error;
    Heard a_heard, b_heard;
    int a_said = -1, b_said = -1;
    std::unique_ptr<TaskGroup> at_a, at_b;
};

} // namespace

TEST_CASE("each direction of a link has its own latency and rate") {
    Line line;
    line.connect();
    line.network().way(kA, kB).latency = 500ms;
    line.network().way(kA, kB).bytes_per_second = 8'000; // 64 kbit/s
    line.network().way(kB, kA).latency = 100us;
    line.listen_at_both_ends();
    const auto began = line.world.now();
    line.say_at_a(16'000);
    line.say_at_b(16'000);
    REQUIRE(line.world.run_until([&] { return line.b_heard.bytes == 16'000; }, 10s));
    CHECK(line.b_heard.last - began == 2500ms);
    CHECK(line.a_heard.bytes == 16'000);
    CHECK(line.a_heard.last - began < 2ms);
}

TEST_CASE("a window of segments is under way at a time") {
    Line line;
    line.connect();
    line.network().link(kA, kB).latency = 100ms;
    line.listen_at_both_ends();
    const auto began = line.world.now();
    line.say_at_a(200'000);
    REQUIRE(line.world.run_until([&] { return line.b_heard.bytes == 200'000; }, 10s));
    CHECK(line.b_heard.last - began < 150ms);
}

TEST_CASE("connections overtake each other where the way has jitter, the bytes of one do not") {
    World world(3);
    auto a = world.add_machine("a", kA).start_process("test");
    auto b = world.add_machine("b", kB).start_process("test");
    world.network().way(kA, kB).jitter = 100ms;
    std::string order;
    auto listener = std::move(*b->net().listen({"", 7777}));
    TaskGroup tasks(*b), callers(*a);
    auto receive = [&](std::shared_ptr<Stream> stream) -> task<void> {
        std::vector<std::byte> into(16);
        while (true) {
            auto got = co_await stream->read_some(into);
            if (!got || *got == 0) break;
            for (std::size_t i = 0; i < *got; ++i) order += static_cast<char>(into[i]);
        }
    };
    auto serve = [&]() -> task<void> {
        for (int i = 0; i < 2; ++i) {
            auto stream = co_await listener->accept();
            if (stream) tasks.spawn("receive", receive(std::shared_ptr<Stream>(std::move(*stream))));
        }
    };
    auto send = [&](std::string text) -> task<void> {
        const Endpoint at{kB, 7777};
        auto stream = co_await a->net().connect(at, 5s);
        REQUIRE(stream);
        for (char c : text) {
            const auto byte = static_cast<std::byte>(c);
            auto written = co_await (*stream)->write(std::span(&byte, 1));
            REQUIRE(written);
            co_await a->clock().sleep(30ms);
        }
    };
    tasks.spawn("serve", serve());
    callers.spawn("send", send("abcdefgh"));
    callers.spawn("send", send("ABCDEFGH"));
    REQUIRE(world.run_until([&] { return order.size() == 16; }, 10s));
    const auto only = [&](bool upper) {
        std::string text;
        for (char c : order)
            if ((c < 'a') == upper) text += c;
        return text;
    };
    CHECK(only(false) == "abcdefgh");
    CHECK(only(true) == "ABCDEFGH");
    CHECK(order != "aAbBcCdDeEfFgGhH");
    a->kill();
    b->kill();
}

TEST_CASE("a way that is cut: nothing arrives there, the other direction goes on until nobody is heard of any more") {
    Line line;
    line.connect();
    line.listen_at_both_ends();
    line.network().cut_way(kA, kB);
    line.say_at_a(1000);
    line.say_at_b(2000);
    line.world.run_for(20s);
    CHECK(line.b_heard.bytes == 0);
    CHECK(line.a_heard.bytes == 2000);
    CHECK_FALSE(line.a_heard.is_over);
    CHECK_FALSE(line.network().is_reachable(kA, kB));
    CHECK_FALSE(line.network().is_reachable(kB, kA));
    SECTION("healed in time, it all arrives") {
        line.network().heal_way(kA, kB);
        line.world.run_for(1s);
        CHECK(line.b_heard.bytes == 1000);
        line.world.run_for(60s);
        CHECK_FALSE(line.a_heard.is_over);
    }
    SECTION("else the connection breaks at both ends") {
        line.world.run_for(11s);
        CHECK(line.a_heard.error == ECONNRESET);
        CHECK(line.b_heard.error == ECONNRESET);
        line.network().heal_all();
        CHECK(line.network().is_reachable(kA, kB));
    }
}

TEST_CASE("a single connection is reset, others of the same link stay") {
    Line line;
    line.connect();
    line.listen_at_both_ends();
    CHECK(line.network().connections(kA, kB) == 1);
    CHECK(line.network().lose_connection(kA, kB, Network::Loss::reset));
    line.world.settle();
    CHECK(line.a_heard.error == ECONNRESET);
    CHECK(line.b_heard.error == ECONNRESET);
    CHECK(line.network().connections(kA, kB) == 0);
    CHECK_FALSE(line.network().lose_connection(kA, kB, Network::Loss::reset));
    line.connect();
    CHECK(line.network().connections(kA, kB) == 1);
}

TEST_CASE("a connection that one end has forgotten: the other one learns it when it speaks, or asks") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        Line line(seed);
        line.connect();
        line.listen_at_both_ends();
        REQUIRE(line.network().lose_connection(kA, kB, Network::Loss::forgotten));
        line.world.run_for(1s);
        const bool a_forgot = line.a_heard.is_over;
        auto& other = a_forgot ? line.b_heard : line.a_heard;
        CHECK(line.a_heard.is_over != line.b_heard.is_over);
        if (seed % 2 == 0) {
            if (a_forgot)
                line.say_at_b(1);
            else
                line.say_at_a(1);
            line.world.run_for(1s);
        } else {
            line.world.run_for(15s);
        }
        CHECK(other.error == ECONNRESET);
    }
}

TEST_CASE("a connection that carries nothing any more breaks in time, and no other") {
    Line line;
    line.connect();
    line.listen_at_both_ends();
    REQUIRE(line.network().lose_connection(kA, kB, Network::Loss::dropped));
    line.say_at_a(10);
    line.world.run_for(25s);
    CHECK_FALSE(line.b_heard.is_over);
    CHECK(line.b_heard.bytes == 0);
    line.world.run_for(6s);
    CHECK(line.a_heard.error == ECONNRESET);
    CHECK(line.b_heard.error == ECONNRESET);
    line.connect();
}

TEST_CASE("what a program has said before it ended arrives") {
    Line line;
    line.connect();
    line.at_b->spawn("hear", line.hear(*line.b_end, line.b_heard));
    line.say_at_a(5000);
    line.world.settle();
    line.a->kill();
    line.a_end.reset(); // the test holds it, not the program
    REQUIRE(line.world.run_until([&] { return line.b_heard.is_over; }, 1s));
    CHECK(line.b_heard.bytes == 5000);
    CHECK(line.b_heard.error == 0);
}

TEST_CASE("a machine without power answers nobody") {
    Line line;
    line.b->machine().power_cut();
    line.at_a->spawn("call", line.call(line.a_end, line.error));
    line.world.run_for(4s);
    CHECK_FALSE(line.error);
    line.world.run_for(2s);
    CHECK(line.error == std::errc::timed_out);
}

TEST_CASE("a host that gets another address is found there, and not where it was") {
    Line line;
    line.connect();
    line.listen_at_both_ends();
    line.b->machine().change_address("10.0.9.2");
    line.say_at_a(100);
    line.world.run_for(31s);
    CHECK(line.a_heard.is_over);
    CHECK(line.b_heard.bytes == 0);
    line.at_a->spawn("call", line.call(line.a_end, line.error));
    line.world.run_for(10s);
    CHECK(line.error == std::errc::timed_out);
    line.to = "10.0.9.2";
    line.connect();
    CHECK(line.a_end->remote().address == "10.0.9.2");
}

TEST_CASE("a clock that is set jumps, steady time does not, and sleepers sleep on") {
    SimRig rig;
    auto& clock = rig.process->clock();
    auto sleep = [&]() -> task<int> {
        co_await clock.sleep(10s);
        co_return 1;
    };
    auto slept = rig.start(sleep());
    rig.world.run_for(5s);
    const auto real = clock.now();
    const auto steady = clock.steady();
    rig.machine.step_clock(-72h);
    CHECK(real - clock.now() == 72h);
    CHECK(clock.steady() == steady);
    rig.machine.step_clock(200h);
    CHECK(clock.now() - real == 128h);
    rig.world.run_for(4s);
    CHECK_FALSE(slept->has_value());
    rig.world.run_for(1s);
    CHECK(slept->has_value());
}

namespace {

// Takes what callers of a port say; hangs up on the `patience`-th byte.
struct Server {
    explicit Server(World& world, std::size_t p)
        : machine(world.add_machine("s", "10.0.0.3")), process(machine.start_process("server")), patience(p),
          tasks(*process) {
        listener = std::move(*process->net().listen({"", 7777}));
        tasks.spawn("accept", accept());
    }
    ~Server() { process->kill(); }

    task<void> accept() {
        while (true) {
            auto stream = co_await listener->accept();
            if (!stream) break;
            tasks.spawn("serve", serve(std::move(*stream)));
        }
    }
    task<void> serve(std::unique_ptr<Stream> stream) {
        ++open;
        most = std::max(most, open);
        std::vector<std::byte> all, into(4096);
        while (all.size() < patience) {
            auto got = co_await stream->read_some(into);
            if (!got || *got == 0) break;
            all.insert(all.end(), into.begin(), into.begin() + static_cast<std::ptrdiff_t>(*got));
        }
        said.push_back(all);
        --open;
    }

    Machine& machine;
    std::unique_ptr<Process> process;
    std::size_t patience;
    std::unique_ptr<Listener> listener;
    std::size_t open = 0, most = 0;
    std::vector<std::vector<std::byte>> said;
    TaskGroup tasks;
};

} // namespace

TEST_CASE("strangers: floods of idle connections, garbage, beginnings, and numbers that are too large") {
    World world(5);
    Server server(world, 100'000);
    auto honest = world.add_machine("h", "10.0.0.4").start_process("honest");
    const auto greeting = bytes(200);
    {
        TaskGroup tasks(*honest);
        auto greet = [&]() -> task<void> {
            const Endpoint at{"10.0.0.3", 7777};
            auto stream = co_await honest->net().connect(at, 5s);
            REQUIRE(stream);
            auto written = co_await (*stream)->write(greeting);
            REQUIRE(written);
        };
        tasks.spawn("greet", greet());
        REQUIRE(world.run_until([&] { return server.said.size() == 1; }, 10s));
        CHECK(server.said[0] == greeting);
        honest->kill();
    }
    server.said.clear();
    auto process = world.add_machine("x", "10.9.9.9").start_process("stranger");
    Strangers strangers(*process);
    const Endpoint to{"10.0.0.3", 7777};
    SECTION("idle") {
        strangers.call(to, Manner::idle, 100, 20s);
        world.run_for(10s);
        CHECK(server.most == 100);
        CHECK(server.said.empty());
        world.run_for(20s);
        CHECK(strangers.is_quiet());
        CHECK(server.said == std::vector<std::vector<std::byte>>(100));
    }
    SECTION("garbage") {
        strangers.call(to, Manner::garbage, 1, 20s);
        REQUIRE(world.run_until([&] { return server.said.size() == 3; }, 20s));
        CHECK(server.said[0] != server.said[1]);
        CHECK(strangers.connected() >= 3);
        CHECK(strangers.hung_up() >= 2);
    }
    SECTION("unfinished") {
        strangers.call(to, Manner::unfinished, 20, 20s);
        world.run_for(30s);
        REQUIRE(server.said.size() >= 20);
        for (auto& words : server.said) {
            CHECK(words.size() <= greeting.size());
            CHECK(std::equal(words.begin(), words.end(), greeting.begin()));
        }
    }
    SECTION("huge") {
        strangers.call(to, Manner::huge, 1, 20s);
        REQUIRE(world.run_until([&] { return !server.said.empty(); }, 30s));
        const std::vector<std::byte> largest(4, std::byte{0xff});
        const auto& words = server.said[0];
        CHECK(std::search(words.begin(), words.end(), largest.begin(), largest.end()) != words.end());
    }
    process->kill();
}
