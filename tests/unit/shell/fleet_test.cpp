// SPDX-License-Identifier: GPL-2.0-or-later
// One command on many hosts: who is meant, how many at once, what is told, what a bad host costs.
#include <boost/asio/cancellation_state.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "shell/fleet/fleet.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

std::vector<std::string> names(const result<std::vector<RemoteHost>>& hosts) {
    REQUIRE(hosts);
    std::vector<std::string> all;
    for (const auto& host : *hosts) all.push_back(host.name);
    return all;
}

struct Fleet : Site {
    Fleet() {
        cluster({"a", "b", "c10", "c9"});
        for (const std::string host : {"b", "c9"}) set("resource-r/data-" + host, "/dev/vg/r");
        set("resource-b/data-c9", "/dev/vg/b");
    }
    result<std::vector<RemoteHost>> select(const std::string& selector) {
        tree::DiskView view(*hand, "/mars");
        return hosts_of_selector(view, selector);
    }
};

// Takes as long as the host's table says, and counts who is at work.
class SlowRemote final : public Remote {
  public:
    explicit SlowRemote(env::Env& env) : env_(env) {}
    env::task<result<RemoteResult>> run(RemoteHost host, RemoteOptions options, std::vector<std::string>, std::string,
                                        Duration limit) override {
        most = std::max(most, ++now);
        const bool is_late = takes[host.name] > limit;
        if (is_steadfast) { // as a connection that still hears the end of a command that was told to stop
            co_await env::asio::this_coro::reset_cancellation_state(env::asio::disable_cancellation());
            co_await env::asio::this_coro::throw_if_cancelled(false);
        }
        co_await env_.clock().sleep(std::min(limit, takes[host.name]));
        if (unheard == host.name) co_return failure(std::errc::operation_canceled, "interrupted");
        --now;
        if (is_late) co_return refusal("remote.timeout", "host " + host.name + " hangs");
        RemoteResult answer;
        answer.output = "I am " + host.name + "\n";
        options.on_text(RemoteStream::output, answer.output);
        co_return answer;
    }

    std::map<std::string, Duration> takes;
    int now = 0;
    int most = 0;
    bool is_steadfast = false;
    std::string unheard; // that host's answer does not come

  private:
    env::Env& env_;
};

FleetResult run_fleet(Site& site, SlowRemote& remote, env::Env& env, std::vector<RemoteHost> hosts,
                      FleetOptions options) {
    FleetOutput nobody;
    std::optional<FleetResult> out;
    auto body = [&]() -> env::task<void> {
        std::vector<std::string> argv{"true"};
        out.emplace(co_await fleet_run(env, remote, std::move(hosts), std::move(argv), std::move(options), nobody));
    };
    env::TaskGroup group(env);
    group.spawn("fleet", body());
    REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1h));
    return std::move(*out);
}

} // namespace

TEST_CASE("a selector names hosts, members of resources, or everybody, each once and in natural order") {
    Fleet site;
    CHECK(names(site.select("all")) == Words{"a", "b", "c9", "c10"});
    CHECK(names(site.select("c10,a")) == Words{"a", "c10"});
    CHECK(names(site.select("r")) == Words{"b", "c9"});
    CHECK(names(site.select("r,a,host:b")) == Words{"a", "b", "c9"});
    CHECK(names(site.select("res:b")) == Words{"c9"});
    CHECK(names(site.select("x.example.org")) == Words{"x.example.org"});
    CHECK(site.select("a")->front().address == "10.0.0.1");
}

TEST_CASE("a selector that could mean two things, or nothing, is refused") {
    Fleet site;
    for (const char* selector : {"b", "", "a,,c9", "res:nothing", "-x", "a b"}) {
        INFO(selector);
        auto hosts = site.select(selector);
        REQUIRE_FALSE(hosts);
        CHECK(has_reason(hosts.error(), "usage.arg"));
    }
    Site empty;
    tree::DiskView view(*empty.hand, "/mars");
    CHECK_FALSE(hosts_of_selector(view, "all"));
}

TEST_CASE("a hanging host costs its deadline, and nobody else's time") {
    Site site;
    auto process = site.machine.start_process("fleet");
    SlowRemote remote(*process);
    std::vector<RemoteHost> hosts;
    for (int i = 0; i < 200; ++i) hosts.emplace_back("h" + std::to_string(i), "");
    for (const auto& host : hosts) remote.takes[host.name] = 2s;
    remote.takes["h7"] = 1h;
    FleetOptions options;
    options.deadline = 10s;
    auto all = run_fleet(site, remote, *process, hosts, options);
    CHECK(all.took == 10s);
    CHECK(all.good() == 199);
    CHECK(all.most_sessions == 200);
    CHECK(all.outcomes[7].failed);
    CHECK(all.outcomes[8].output == "I am h8\n");

    options.parallel = 20; // the hanging one blocks one of twenty
    remote.most = 0;
    auto bounded = run_fleet(site, remote, *process, hosts, options);
    CHECK(remote.most == 20);
    CHECK(bounded.good() == 199);
    CHECK(bounded.took < 32s);
}

TEST_CASE("who is interrupted, and hears the end on every host, has the result; else it was interrupted") {
    Site site;
    auto process = site.machine.start_process("fleet");
    SlowRemote remote(*process);
    remote.is_steadfast = true;
    std::vector<RemoteHost> hosts{{"h1", ""}, {"h2", ""}};
    remote.takes = {{"h1", 10s}, {"h2", 1s}};
    FleetOptions options;
    FleetOutput nobody;
    for (const std::string unheard : {"", "h2"}) {
        remote.unheard = unheard;
        std::optional<FleetResult> out;
        bool is_interrupted = false;
        auto body = [&]() -> env::task<void> {
            std::vector<std::string> argv{"true"};
            try {
                out.emplace(co_await fleet_run(*process, remote, hosts, std::move(argv), options, nobody));
            } catch (const boost::system::system_error&) {
                is_interrupted = true;
            }
        };
        env::TaskGroup group(*process);
        group.spawn("fleet", body());
        site.world.run_for(2s);
        group.cancel();
        REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1h));
        CHECK(is_interrupted == !unheard.empty());
        CHECK((out && out->good() == 2) == unheard.empty());
    }
}

TEST_CASE("@WHO before a verb sends it to marsadm over there, words as they are") {
    Fleet site;
    site.remote.answer = [](const auto&) -> result<RemoteResult> {
        RemoteResult answer;
        answer.output = "one\ntwo\n";
        return answer;
    };
    site.succeed({"--timeout=5", "@r", "view-replstate", "all", "--timeout=7", "it's"});
    CHECK(site.remote.commands ==
          Words{"b marsadm view-replstate all --timeout=7 it's", "c9 marsadm view-replstate all --timeout=7 it's"});
    CHECK(site.output.text(Severity::answer) == "b : one\nb : two\nc9: one\nc9: two\n");
    CHECK(site.output.text(Severity::progress).starts_with("2 hosts in "));
}

TEST_CASE("the exit status tells whether all, some or no hosts failed, and JSON tells which") {
    Fleet site;
    int calls = 0;
    site.remote.answer = [&](const auto&) -> result<RemoteResult> {
        RemoteResult answer;
        answer.status = ++calls == 1 ? 3 : 0;
        answer.output = "\xff";
        return answer;
    };
    CHECK(site.run({"--json", "--parallel=1", "@r", "view"}).exit == kExitMixed);
    auto all = nlohmann::json::parse(site.output.text(Severity::answer));
    CHECK(all["ok"] == 1);
    CHECK(all["failed"] == 1);
    CHECK(all["hosts"][0]["host"] == "b");
    CHECK(all["hosts"][0]["status"] == 3);
    site.remote.answer = nullptr;
    CHECK(site.run({"@r", "view"}).exit != 0);
    site.refuse({"@r"}, "usage.verb");
    site.refuse({"--nonsense", "@r", "view"}, "usage.option");
    CHECK(site.run({"@nowhere!", "view"}).exit == 2);
}
