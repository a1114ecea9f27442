// SPDX-License-Identifier: GPL-2.0-or-later
// The doors of the servers: garbage, silence, crowds and dead peers cost a connection, a line in the log, and no more.
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

// A client that speaks raw bytes.
struct RawClient {
    RawClient(env::sim::World& w, env::sim::Machine& m) : world(w), process(m.start_process("raw")), tasks(*process) {}
    ~RawClient() { process->kill(); }

    void connect() {
        auto open = [](RawClient& c) -> env::task<void> {
            env::Endpoint to;
            to.address = "10.0.0.1";
            to.port = kLogPort;
            auto connected = co_await c.process->net().connect(to, 10s);
            REQUIRE(connected);
            c.stream = *std::move(connected);
        };
        run_now(world, tasks, open(*this));
    }
    void send(Bytes bytes) {
        auto write = [](RawClient& c, Bytes b) -> env::task<void> {
            auto written = co_await c.stream->write(b);
            REQUIRE(written);
        };
        run_now(world, tasks, write(*this, std::move(bytes)));
    }
    // Everything until the server hangs up.
    Bytes read_all() {
        Bytes all;
        auto read = [](RawClient& c, Bytes& to) -> env::task<void> {
            for (;;) {
                Bytes piece(4096);
                auto got = co_await c.stream->read_some(piece);
                if (!got || *got == 0) co_return;
                to.insert(to.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
            }
        };
        run_now(world, tasks, read(*this, all));
        stream.reset();
        return all;
    }

    env::sim::World& world;
    std::unique_ptr<env::sim::Process> process;
    env::TaskGroup tasks;
    std::unique_ptr<env::Stream> stream;
};

OutFrame good_hello(std::string resource = "mydata") {
    Hello hello;
    hello.host = "beta";
    hello.uuid = kUuid;
    hello.purpose = Purpose::fetch;
    hello.resource = std::move(resource);
    return encode_hello(hello);
}

std::string text_in(const Bytes& bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

} // namespace

TEST_CASE("session: garbage instead of a greeting is answered by hanging up") {
    env::sim::World world(1);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    for (int i = 0; i < 5; ++i) {
        client.connect();
        client.send(random_bytes(500, static_cast<std::uint64_t>(i)));
        CHECK(client.read_all().empty());
    }
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
}

TEST_CASE("session: each kind of broken frame ends the session at once") {
    auto hello = good_hello();
    std::vector<std::pair<const char*, OutFrame>> broken;
    auto damaged = hello;
    damaged.back() ^= std::byte{1};
    broken.emplace_back("wrong CRC", damaged);
    auto version = hello;
    version[4] = std::byte{99};
    broken.emplace_back("other version", version);
    auto huge = hello;
    huge[11] = std::byte{0xff};
    broken.emplace_back("huge length", huge);
    broken.emplace_back("not a greeting first", encode_text(SessionMessage::failed, "x"));
    auto twice = hello;
    twice.insert(twice.end(), hello.begin(), hello.end());
    broken.emplace_back("a greeting instead of a request", twice);
    for (auto& [what, frame] : broken) {
        CAPTURE(what);
        env::sim::World world(2);
        Alpha alpha(world);
        RawClient client(world, world.add_machine("beta", "10.0.0.2"));
        client.connect();
        client.send(frame);
        client.read_all();
        CHECK(world.now() < 5s);
        CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 10s));
    }
}

TEST_CASE("session: who says nothing is sent away after the time for a handshake") {
    env::sim::World world(3);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    client.connect();
    auto begin = world.now();
    client.read_all();
    CHECK(world.now() - begin < 12s);
    client.connect();
    client.send(good_hello()); // greets, and requests nothing
    client.read_all();
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
}

TEST_CASE("session: a request cut in the middle keeps nothing busy") {
    env::sim::World world(4);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    auto hello = good_hello();
    for (std::size_t length : {std::size_t{1}, std::size_t{19}, std::size_t{20}, hello.size() - 1}) {
        client.connect();
        client.send(Bytes(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(length)));
        client.stream.reset();
    }
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 60s));
}

TEST_CASE("session: a peer that falls silent after its request is given up") {
    env::sim::World world(5);
    Alpha alpha(world);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    client.connect();
    client.send(good_hello());
    FetchRequest request;
    request.log = log_name(1);
    client.send(encode_request(request));
    REQUIRE(world.run_until([&] { return alpha.server.sessions() == 1; }, 5s));
    world.run_for(20s);
    CHECK(alpha.server.sessions() == 1);
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 30s));
}

TEST_CASE("session: strangers keep out nobody but strangers, and a member that says nothing only itself") {
    env::sim::World world(6);
    PeerServer::Limits limits;
    limits.max_greeting = 3;
    Alpha alpha(world, limits);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    auto& stranger = world.add_machine("mallory", "10.0.0.9");
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 100; ++i) {
        idle.push_back(std::make_unique<RawClient>(world, stranger));
        idle.back()->connect();
    }
    REQUIRE(world.run_until([&] { return alpha.server.sessions() == limits.max_strangers; }, 5s));
    CHECK(idle.back()->read_all().empty());
    std::vector<std::unique_ptr<RawClient>> members;
    for (int i = 0; i < 4; ++i) {
        members.push_back(std::make_unique<RawClient>(world, machine));
        members.back()->connect();
    }
    CHECK(members[3]->read_all().empty()); // dropped without a word
    members[0]->send(good_hello());
    REQUIRE(world.run_until([&] { return alpha.server.sessions() == limits.max_strangers + 3; }, 5s));
    world.run_for(2s);
    CHECK(alpha.server.sessions() == limits.max_strangers + 3); // admitted, and waiting for its request
    members[3]->connect();
    members[3]->send(good_hello());
    world.run_for(15s); // whoever says nothing is sent away
    CHECK(alpha.server.sessions() <= 2);
}

TEST_CASE("session: many resources are served; of one, the newest connections are") {
    env::sim::World world(6);
    PeerServer::Limits limits;
    limits.max_of_one_kind = 2;
    Alpha alpha(world, limits);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<RawClient>(world, machine));
        clients.back()->connect();
        clients.back()->send(good_hello());
        world.run_for(1s);
    }
    CHECK(alpha.server.sessions() == 2); // a host that comes anew after a power cut has left the oldest behind
    clients[0]->read_all();
    CHECK(world.now() < 5s);
    CHECK(alpha.server.sessions() == 2);
}

TEST_CASE("session: before a peer is admitted, no memory is taken for a large message") {
    env::sim::World world(6);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    client.connect();
    client.send(format::encode_frame(1, Bytes(5000)));
    CHECK(text_in(client.read_all()).find("welcome") == std::string::npos);
    CHECK(world.run_until([&] { return alpha.server.sessions() == 0; }, 3s));
}

TEST_CASE("session: a wrong port or resource is refused in words") {
    env::sim::World world(7);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    client.connect();
    client.send(good_hello("other"));
    CHECK(text_in(client.read_all()).find("no such resource here") != std::string::npos);
    Hello hello;
    hello.host = "beta";
    hello.uuid = kUuid;
    hello.purpose = Purpose::sync;
    hello.resource = "mydata";
    client.connect();
    client.send(encode_hello(hello));
    CHECK(text_in(client.read_all()).find("this port is for fetch") != std::string::npos);
}

TEST_CASE("session: stopping the server ends all sessions") {
    env::sim::World world(8);
    Alpha alpha(world);
    RawClient client(world, world.add_machine("beta", "10.0.0.2"));
    client.connect();
    client.send(good_hello());
    bool stopped = false;
    auto stop = [](Alpha& a, bool& flag) -> env::task<void> {
        co_await a.server.stop();
        flag = true;
    };
    alpha.tasks.spawn("stop", stop(alpha, stopped));
    REQUIRE(world.run_until([&] { return stopped; }, 10s));
    CHECK(alpha.server.sessions() == 0);
    CHECK(alpha.logs.use_count() == 1);
}

namespace {

class CountingLog final : public env::Log {
  public:
    std::vector<std::string> lines;
    void write(env::LogLevel, std::string_view line) override { lines.emplace_back(line); }
};

// An Env like the process, but with a log that can be read.
class LoggedEnv final : public env::Env {
  public:
    LoggedEnv(env::Env& e, env::Log& l) : env_(e), log_(l) {}
    env::executor get_executor() override { return env_.get_executor(); }
    env::ParkingLot& lot() override { return env_.lot(); }
    env::Clock& clock() override { return env_.clock(); }
    env::Storage& storage() override { return env_.storage(); }
    env::Net& net() override { return env_.net(); }
    env::Random& random() override { return env_.random(); }
    env::Log& log() override { return log_; }
    const std::string& hostname() const override { return env_.hostname(); }

  private:
    env::Env& env_;
    env::Log& log_;
};

} // namespace

TEST_CASE("session: a peer that sends garbage all the time costs one line a minute") {
    env::sim::World world(9);
    auto& machine = world.add_machine("alpha", "10.0.0.1");
    auto process = machine.start_process("marsd");
    CountingLog log;
    LoggedEnv logged(*process, log);
    TestGate gate("alpha");
    FetchServer server(logged, gate, [](const std::string&) { return nullptr; });
    KillAtEnd end{*process};
    env::Endpoint at;
    at.port = kLogPort;
    REQUIRE(server.start(at));
    {
        RawClient client(world, world.add_machine("beta", "10.0.0.2"));
        for (int i = 0; i < 60; ++i) {
            client.connect();
            client.send(random_bytes(100, 1));
            client.read_all();
            world.run_for(3s);
        }
    }
    CHECK(log.lines.size() >= 3);
    CHECK(log.lines.size() <= 5);
    CHECK(log.lines[0].find("10.0.0.2") != std::string::npos);
    CHECK(log.lines[1].find("left_out=") != std::string::npos);
}

TEST_CASE("session: who has nothing to say says it once a minute, and is not taken for dead; data comes at once") {
    env::sim::World world(6);
    Alpha alpha(world);
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000, 1)));
    Beta beta(world.add_machine("beta", "10.0.0.2"));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1000); }, 10s));
    world.run_for(60s);
    auto& link = world.network().link("10.0.0.1", "10.0.0.2");
    const auto before = link.bytes_carried;
    world.run_for(600s);
    CHECK(link.bytes_carried - before <= 2 * 11 * encode_alive(AliveSign{60s, false}).size());
    CHECK_FALSE(beta.ended);
    const auto now = world.now();
    run_now(world, alpha.tasks, alpha.logs->append(log_name(1), random_bytes(1000, 2)));
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 2000); }, 10s));
    CHECK(world.now() - now < 1s);
}

TEST_CASE("session: a peer that was switched off and on while the session rested is noticed when it is asked") {
    env::sim::World world(7);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Beta beta(machine);
    auto alpha = std::make_unique<Alpha>(world);
    run_now(world, alpha->tasks, alpha->logs->append(log_name(1), random_bytes(1000, 1)));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1000); }, 10s));
    world.run_for(130s);
    alpha->machine.power_cut();
    alpha->machine.start_process("something"); // it runs again, without the session
    beta.fetcher->ask_for_sign();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 2s));
    CHECK_FALSE(*beta.ended);
}

TEST_CASE("session: a peer that has vanished while the session rested is given up 30 s after it was asked") {
    env::sim::World world(8);
    Beta beta(world.add_machine("beta", "10.0.0.2"));
    auto alpha = std::make_unique<Alpha>(world);
    run_now(world, alpha->tasks, alpha->logs->append(log_name(1), random_bytes(1000, 1)));
    beta.start();
    REQUIRE(world.run_until([&] { return beta.has(log_name(1), 1000); }, 10s));
    world.run_for(130s);
    world.network().cut("10.0.0.1", "10.0.0.2");
    beta.fetcher->ask_for_sign();
    REQUIRE(world.run_until([&] { return beta.ended.has_value(); }, 40s));
    CHECK_FALSE(*beta.ended);
}
