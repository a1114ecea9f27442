// SPDX-License-Identifier: GPL-2.0-or-later
// The exchange when something is wrong: partitions, crashes, strangers, other clusters, garbage.
#include "exchange_fixture.hpp"
#include "kernel/tree/exchange_messages.hpp"

using namespace mars;
using namespace mars::tree;
using namespace mars::tree::testing;

namespace {

// Sends `bytes` to the exchange port of `host` and returns what comes back until the connection ends.
env::task<std::vector<std::byte>> talk(Process& process, std::string address, std::vector<std::byte> bytes) {
    env::Endpoint to;
    to.address = std::move(address);
    to.port = 7777;
    std::vector<std::byte> answer;
    auto stream = co_await process.net().connect(to, 5s);
    if (!stream) co_return answer;
    (void)co_await (*stream)->write(bytes);
    std::vector<std::byte> buffer(4096);
    while (true) {
        auto got = co_await (*stream)->read_some(buffer);
        if (!got || *got == 0) break;
        answer.insert(answer.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    }
    co_return answer;
}

std::vector<std::byte> hello_frame(const std::string& host, const std::string& uuid) {
    ExchangeHello hello;
    hello.host = host;
    hello.uuid = uuid;
    hello.sent = Stamp{1'700'000'000, 0};
    return format::encode_frame(static_cast<std::uint16_t>(ExchangeMessage::hello), encode(hello));
}

std::string reason_in(const std::vector<std::byte>& answer) {
    if (answer.size() <= format::kFrameHeaderBytes) return "";
    auto reason = parse_reason(std::span(answer).subspan(format::kFrameHeaderBytes));
    return reason ? *reason : "";
}

} // namespace

TEST_CASE("both sides of a partition go on, and become equal when it is healed") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Cluster c(seed, 3);
        c.connect();
        c.cut(c[0], c[1]);
        c.cut(c[0], c[2]);
        for (int i = 0; i < 20; ++i) {
            c[0].set("userspace/k" + std::to_string(i % 7), "a" + std::to_string(i));
            c[2].set("userspace/k" + std::to_string(i % 5), "c" + std::to_string(i));
            c.world.run_for(3s);
        }
        CHECK(c[1].tree->value("userspace/k4") == "c19");
        CHECK(c[0].tree->value("userspace/k4") != "c19");
        CHECK_FALSE(c[0].peer("b").connected);
        CHECK_FALSE(c[0].peer("b").last_error.empty());
        c.heal(c[0], c[1]);
        c.heal(c[0], c[2]);
        CHECK(c.converges());
    }
}

TEST_CASE("a change reaches a host that only a third one can reach, and a healed link brings everything") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Cluster c(seed, 3);
        c.connect();
        c.cut(c[0], c[2]);
        // Before anybody has noticed: rule 3 brings it as soon as it is noticed, at the latest after the timeouts.
        c[0].set("userspace/early", "1");
        c[2].set("userspace/early-too", "1");
        REQUIRE(c.wait([&] { return c[2].tree->value("userspace/early") == "1"; }));
        REQUIRE(c.wait([&] { return c[0].tree->value("userspace/early-too") == "1"; }));
        REQUIRE(c.wait([&] { return !c[0].peer("c").connected; }));
        c.world.run_for(1min);
        const auto start = c.world.now();
        c[0].set("userspace/late", "1");
        REQUIRE(c.wait([&] { return c[2].tree->value("userspace/late") == "1"; }));
        CHECK(c.world.now() - start < 200ms);
        REQUIRE(c[2].tree->remove("userspace/late"));
        REQUIRE(c.wait([&] { return !c[0].tree->get("userspace/late"); }));
        c.heal(c[0], c[2]);
        CHECK(c.converges());
    }
}

TEST_CASE("a chain of hosts carries changes to its end") {
    Cluster c(3, 4);
    c.connect();
    c.cut(c[0], c[2]);
    c.cut(c[0], c[3]);
    c.cut(c[1], c[3]);
    c.world.run_for(2min);
    c[0].set("userspace/k", "v");
    REQUIRE(c.wait([&] { return c[3].tree->value("userspace/k") == "v"; }));
    c[3].set("userspace/k", "w");
    REQUIRE(c.wait([&] { return c[0].tree->value("userspace/k") == "w"; }));
    c.world.network().heal_all();
    CHECK(c.converges());
}

TEST_CASE("what a dying host has told one peer only, all others get from that one") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Cluster c(seed, 3);
        c.connect();
        c.cut(c[0], c[2]); // not noticed yet: `a` still believes that it reaches `c`
        c[0].set("userspace/last-words", "x");
        REQUIRE(c.wait([&] { return c[1].tree->value("userspace/last-words") == "x"; }));
        c[0].power_cut();
        REQUIRE(c.wait([&] { return c[2].tree->value("userspace/last-words") == "x"; }, 5min));
    }
}

TEST_CASE("random writes, cuts, crashes and restarts end in equal trees") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        Cluster c(seed, 4);
        c.connect();
        auto& random = c.world.random();
        for (int step = 0; step < 80; ++step) {
            auto& x = c[random.below(4)];
            auto& y = c[random.below(4)];
            const auto path = "resource-x/k" + std::to_string(random.below(12));
            switch (random.below(8)) {
            case 0:
                if (&x != &y) c.cut(x, y);
                break;
            case 1:
                if (&x != &y) c.heal(x, y);
                break;
            case 2:
                if (random.chance(30) && x.tree) x.power_cut();
                break;
            case 3:
                if (!x.tree) x.start();
                break;
            case 4:
                if (x.tree) REQUIRE(x.tree->remove(path));
                break;
            default:
                if (x.tree) x.set(path, x.name + std::to_string(step));
            }
            c.world.run_for(random.between(0ms, 20s));
        }
        c.world.network().heal_all();
        for (auto& host : c.all)
            if (!host->tree) host->start();
        // D3: a deletion may be known to some hosts only.
        auto live = [](const ExchangeHost& host) {
            auto all = contents(*host.tree);
            std::erase_if(all, [](auto& entry) { return entry.second.value == ".deleted"; });
            return all;
        };
        auto is_equal = [&] {
            return c.is_connected() && live(c[0]) == live(c[1]) && live(c[0]) == live(c[2]) && live(c[0]) == live(c[3]);
        };
        CHECK(c.wait(is_equal, 5min));
    }
}

TEST_CASE("a foreign cluster is refused, and the refused side knows why") {
    Cluster c(1, 2);
    c[1].hand.link("/mars/uuid", "b_2", Stamp{1'600'000'000, 0});
    c[0].hand.link("/mars/secret", "v", Stamp{1'600'000'000, 0});
    c.start();
    c.world.run_for(30s);
    CHECK_FALSE(c[0].peer("b").connected);
    CHECK(c[0].peer("b").last_error.find("foreign cluster") != std::string::npos);
    CHECK_FALSE(c[1].tree->raw("secret"));
    CHECK(c[1].tree->value("uuid") == "b_2");
}

TEST_CASE("a host without uuid or with a deleted one exchanges nothing until it has one") {
    Cluster c(1, 2);
    c[1].hand.link("/mars/uuid", ".deleted", Stamp{1'600'000'000, 0});
    c.start();
    c[0].set("k", "v");
    c.world.run_for(30s);
    CHECK_FALSE(c[1].tree->raw("k"));
    CHECK(c[1].peer("a").last_error.find("no uuid") != std::string::npos);
    CHECK(c[0].peer("b").last_error.find("no uuid") != std::string::npos);
    c[1].hand.link("/mars/uuid", "(any)", Stamp{1, 0});
    CHECK(c.converges());
    CHECK(c[1].tree->value("uuid") == "a_1");
    CHECK(c[1].tree->value("k") == "v");
}

TEST_CASE("a joining host gets uuid and members from the one it knows, and is strict afterwards") {
    Cluster c(1, 3);
    auto& joiner = c[2];
    for (auto i : {0U, 1U}) c[i].hand.remove("/mars/ips/ip-c");
    joiner.hand.remove("/mars/ips/ip-b");
    joiner.hand.link("/mars/uuid", "(any)", Stamp{1, 0});
    joiner.hand.link("/mars/ips/ip-a", "10.0.0.1", Stamp{1, 0});
    c.start();
    REQUIRE(c.wait([&] { return c[0].peer("b").connected && c[1].peer("a").connected; }));
    c.world.run_for(10s);
    CHECK(joiner.tree->value("uuid") == "(any)");
    CHECK(joiner.peer("a").last_error.find("belongs to no member") != std::string::npos);
    c[0].hand.link("/mars/ips/ip-c", "10.0.0.3", c[0].machine.real_time()); // what the verb does over there
    REQUIRE(c.converges());
    CHECK(joiner.tree->value("uuid") == "a_1");
    CHECK(joiner.tree->value("ips/ip-b") == "10.0.0.2");
    CHECK(joiner.exchange->peers().size() == 2);
}

TEST_CASE("what a joining host has learned about its cluster survives a power cut") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Cluster c(seed, 3);
        auto& joiner = c[2];
        joiner.hand.remove("/mars/ips/ip-b");
        joiner.hand.link("/mars/uuid", "(any)", Stamp{1, 0});
        c.connect();
        c.world.run_for(1s);
        joiner.power_cut();
        joiner.start();
        CHECK(joiner.tree->value("uuid") == "a_1");
        CHECK(joiner.tree->value("ips/ip-b") == "10.0.0.2");
        CHECK(c.converges());
    }
}

TEST_CASE("a host that has become a member of another cluster is disconnected") {
    Cluster c(1, 2);
    c.connect();
    c[1].hand.link("/mars/uuid", "b_2",
                   Stamp{1'500'000'000, 0}); // not newer: it does not travel as a change of this one
    c.cut(c[0], c[1]);
    c.world.run_for(1min);
    c[0].set("k", "v");
    c.heal(c[0], c[1]);
    c.world.run_for(1min);
    CHECK_FALSE(c[1].tree->raw("k"));
    CHECK_FALSE(c[0].peer("b").connected);
}

TEST_CASE("strangers and wrong names are refused with the reason") {
    Cluster c(1, 2);
    auto& stranger = c.world.add_machine("x", "10.0.0.99");
    c[0].start();
    auto process = stranger.start_process("client");
    CHECK(reason_in(run(*process, talk(*process, "10.0.0.1", hello_frame("b", "a_1")))).find("10.0.0.99") !=
          std::string::npos);
    auto& at_b = *c[1].hand.process;
    CHECK(reason_in(run(at_b, talk(at_b, "10.0.0.1", hello_frame("a", "a_1")))).find("no other host") !=
          std::string::npos);
    CHECK(reason_in(run(at_b, talk(at_b, "10.0.0.1", hello_frame("nobody", "a_1")))).find("ips/ip-nobody") !=
          std::string::npos);
    CHECK(reason_in(run(at_b, talk(at_b, "10.0.0.1", hello_frame("b", "b_7")))).find("foreign cluster") !=
          std::string::npos);
}

TEST_CASE("garbage on the port ends its connection and nothing else") {
    Cluster c(1, 3);
    c.connect();
    auto& at_b = *c[1].hand.process;
    std::vector<std::vector<std::byte>> garbage;
    garbage.push_back(std::vector<std::byte>(100'000, std::byte{'x'}));
    auto huge = hello_frame("b", "a_1");
    huge[10] = std::byte{0x3f}; // announces 4 MB before the hello
    garbage.push_back(huge);
    auto damaged = hello_frame("b", "a_1");
    damaged.back() = static_cast<std::byte>(std::to_integer<int>(damaged.back()) ^ 1);
    garbage.push_back(damaged);
    garbage.push_back(format::encode_frame(static_cast<std::uint16_t>(ExchangeMessage::batch), {}));
    garbage.push_back(format::encode_frame(static_cast<std::uint16_t>(ExchangeMessage::hello), {}));
    auto& random = c.world.random();
    for (int i = 0; i < 50; ++i) {
        std::vector<std::byte> noise(random.below(300));
        for (auto& byte : noise) byte = static_cast<std::byte>(random.below(256));
        garbage.push_back(noise);
    }
    for (auto& bytes : garbage) CHECK(run(at_b, talk(at_b, "10.0.0.1", bytes)).size() < 1000);
    CHECK(c[0].peer("b").connected);
    c[0].set("k", "v");
    CHECK(c.converges());
}

TEST_CASE("a member that sends nonsense after the hello loses that connection only") {
    Cluster c(1, 2);
    c[0].start(); // `b` is played by hand
    auto& at_b = *c[1].hand.process;
    auto bytes = hello_frame("b", "a_1");
    const auto batch = format::encode_frame(static_cast<std::uint16_t>(ExchangeMessage::batch),
                                            std::vector<std::byte>(64, std::byte{0xff}));
    bytes.insert(bytes.end(), batch.begin(), batch.end());
    CHECK(run(at_b, talk(at_b, "10.0.0.1", bytes)).size() > format::kFrameHeaderBytes);
    CHECK(c[0].tree->list("").size() == 2); // uuid and ips: nothing was merged
}

TEST_CASE("bad keys from a member are skipped, good ones of the same batch are merged") {
    Cluster c(1, 2);
    c[0].start();
    auto& at_b = *c[1].hand.process;
    ExchangeBatch batch;
    batch.number = 1;
    batch.sent = Stamp{1'700'000'000, 0};
    auto add = [&](const std::string& path, const std::string& value, Stamp stamp) {
        batch.versions.push_back({path, value, stamp});
    };
    const Stamp stamp{1'700'000'000, 7};
    for (auto path : {"../escape", "/etc/passwd", "resource-x/../../y", ".tmp-x", ".deleted-x", "ignore-x", "cache-a/x",
                      "resource-x/local-a/x", "actual-b/read-stamp", "unknown/x", "a//b", ""})
        add(path, "v", stamp);
    add("uuid/below-a-key", "v", stamp);
    add("empty", "", stamp);
    add("newline", "a\nb", stamp);
    add("future", "v", Stamp{1'800'000'000, 0});
    add("past", "v", Stamp{-5, 0});
    add("good", "v", stamp);
    auto bytes = hello_frame("b", "a_1");
    const auto frame = format::encode_frame(static_cast<std::uint16_t>(ExchangeMessage::batch), encode(batch));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    c.world.after(5s, [&] { c[0].hand.remove("/mars/ips/ip-b"); }); // ends the talk
    (void)run(at_b, talk(at_b, "10.0.0.1", bytes));
    CHECK(c[0].tree->list("") == std::vector<std::string>{"actual-b", "good", "ips", "uuid"});
    CHECK(c[0].tree->raw("good") == Link{"v", stamp});
}

TEST_CASE("members come, move and go with ips/") {
    Cluster c(1, 3);
    c.connect();
    c[0].set("ips/ip-b", "(none)");
    REQUIRE(c.wait([&] { return !c[0].peer("b").connected; }));
    CHECK(c[0].peer("b").last_error.find("no usable IPv4 address") != std::string::npos);
    c[0].set("ips/ip-b", "10.0.0.2");
    REQUIRE(c.converges());
    REQUIRE(c[0].tree->remove("ips/ip-c"));
    REQUIRE(c.wait([&] { return c[0].exchange->peers().size() == 1 && c[1].exchange->peers().size() == 1; }));
    c[0].set("k", "v");
    c.world.run_for(1min);
    CHECK(c[1].tree->value("k") == "v");
    CHECK_FALSE(c[2].tree->raw("k"));
    CHECK(c[2].peer("a").last_error.find("belongs to no member") != std::string::npos);
}

TEST_CASE("a dead peer is noticed, and a restarted one is connected again at once") {
    Cluster c(1, 2);
    c.connect();
    c[1].power_cut();
    REQUIRE(c.wait([&] { return !c[0].peer("b").connected; }, 1min));
    c.world.run_for(5min);
    c[1].start();
    const auto start = c.world.now();
    REQUIRE(c.wait([&] { return c.is_connected(); }));
    CHECK(c.world.now() - start < 1s);
    CHECK(c.converges());
}

TEST_CASE("a host that cannot store what it gets says so, and gets it when it can") {
    Cluster c(1, 2);
    c.connect();
    c[1].machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) -> std::optional<int> {
        if (operation == env::sim::Operation::symlink && path.starts_with("/mars/resource-x/")) return ENOSPC;
        return std::nullopt;
    };
    c[0].set("resource-x/k", "v");
    c[0].set("resource-y/k", "v");
    c[0].set("actual-a/alive", "1");
    REQUIRE(c.wait([&] { return c[0].peer("b").last_error.find("cannot store") != std::string::npos; }));
    CHECK_FALSE(c.wait([&] { return !c[0].peer("b").connected; }, 1min)); // the connection goes on
    c[0].set("resource-y/later", "v");
    REQUIRE(c.wait([&] { return c[1].tree->raw("resource-y/later").has_value(); }));
    CHECK_FALSE(c[1].tree->raw("resource-x/k"));
    CHECK(c[1].tree->raw("resource-y/k"));         // what can be stored is not kept back
    CHECK_FALSE(c[1].tree->raw("actual-a/alive")); // M9: not before the key
    c[1].machine.filesystem().fault = nullptr;
    CHECK(c.converges());
}

TEST_CASE("a deletion wins on a host that got the older value later") {
    // `b` knows the deletion, `c` has nothing there, `a` still has the old value and meets `c` first.
    Cluster c(1, 3);
    c[0].hand.link("/mars/k", "old", Stamp{1'600'000'001, 0});
    c[1].hand.link("/mars/k", ".deleted", Stamp{1'600'000'002, 0});
    c.cut(c[0], c[1]);
    c.start();
    c.world.run_for(1min);
    for (auto i : {0U, 1U, 2U}) CHECK_FALSE(c[i].tree->get("k"));
    c.heal(c[0], c[1]);
    CHECK(c.converges());
}
