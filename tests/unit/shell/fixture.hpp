// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers of the shell's tests: verbs run on a simulated machine, against a tree that a script writes. No marsd runs:
// heartbeats of hosts and their answers to switches are played by the test.
#pragma once

#include <catch2/catch.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "shell/fleet/run_words.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell::testing {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

class FakeLocalHost final : public LocalHost {
  public:
    bool is_root() const override { return root; }
    std::optional<std::string> address_towards(const std::string&) override { return towards; }
    std::optional<std::string> first_address() override { return first; }
    env::task<std::optional<std::string>> resolve(std::string host) override {
        auto found = names.find(host);
        co_return found == names.end() ? std::nullopt : std::optional(found->second);
    }
    env::task<result<std::unique_ptr<HeldLock>>> lock(std::string) override {
        struct Count final : HeldLock {
            explicit Count(int& n) : held(n) { ++held; }
            ~Count() override { --held; }
            int& held;
        };
        ++locked;
        if (on_lock) on_lock();
        std::unique_ptr<HeldLock> lock = std::make_unique<Count>(held);
        co_return std::move(lock);
    }

    env::task<std::optional<std::string>> ask(std::string question) override {
        asked.push_back(std::move(question));
        co_return typed;
    }

    bool root = true;
    std::optional<std::string> typed; // at the terminal; nullopt: there is none
    Words asked;
    std::optional<std::string> towards = "10.0.0.1";
    std::optional<std::string> first = "10.0.0.1";
    std::map<std::string, std::string> names;
    int held = 0;
    int locked = 0;
    std::function<void()> on_lock; // plays what arrives while a verb waits for the lock
};

class FakeRemote final : public Remote {
  public:
    env::task<result<RemoteResult>> run(RemoteHost host, RemoteOptions, std::vector<std::string> argv, std::string,
                                        Duration) override {
        std::string command = host.name;
        for (const auto& word : argv) command += " " + word;
        commands.push_back(command);
        if (!answer) co_return failure(std::errc::host_unreachable, "nobody expected ssh");
        co_return answer(argv);
    }

    std::vector<std::string> commands;
    std::function<result<RemoteResult>(const std::vector<std::string>&)> answer;
};

// One machine "a" (10.0.0.1) with a tree in /mars.
class Site {
  public:
    Site() : machine(world.add_machine("a", "10.0.0.1")), hand(machine.start_process("hand")) {
        REQUIRE(hand->storage().make_directory("/mars"));
        for (const char* directory : {"/dev", "/dev/vg", "/srv"}) REQUIRE(hand->storage().make_directory(directory));
        world.run_for(1h);
    }

    // Writes a key, `age` old.
    void set(const std::string& path, const std::string& value, Duration age = 30min) {
        make_parents(path);
        auto whole = "/mars/" + path;
        auto slash = whole.rfind('/');
        auto temporary = whole.substr(0, slash + 1) + ".tmp-" + whole.substr(slash + 1);
        REQUIRE(hand->storage().write_symlink(whole, temporary, value, machine.real_time() + -age));
    }
    void file(const std::string& path, const std::string& content) {
        make_parents(path);
        REQUIRE(hand->storage().write_file("/mars/" + path, content));
    }
    void directory(const std::string& path) { make_parents(path + "/x"); }
    // Value of a key; "" when absent or deleted.
    std::string get(const std::string& path) const {
        auto link = hand->storage().read_symlink("/mars/" + path);
        return link && link->value != ".deleted" ? link->value : "";
    }
    std::string raw(const std::string& path) const {
        auto link = hand->storage().read_symlink("/mars/" + path);
        return link ? link->value : "";
    }
    Stamp stamp(const std::string& path) const {
        auto link = hand->storage().read_symlink("/mars/" + path);
        return link ? link->mtime : Stamp{};
    }
    bool exists(const std::string& path) const { return hand->storage().status("/mars/" + path).has_value(); }

    // A cluster of these hosts, with addresses 10.0.0.1, 10.0.0.2, … in this order.
    void cluster(const Words& hosts) {
        set("uuid", "a_1000.000000000");
        int n = 0;
        for (const auto& host : hosts) set("ips/ip-" + host, "10.0.0." + std::to_string(++n));
        for (const auto& host : hosts) directory("actual-" + host);
    }
    // Lets marsd of these hosts give signs of life while verbs run.
    void alive(const Words& hosts) {
        beating.insert(hosts.begin(), hosts.end());
        beat();
    }

    // Everything below /mars except what marsd writes (heartbeats, indicators): path → kind, value and stamp.
    std::map<std::string, std::string> snapshot() const {
        std::map<std::string, std::string> all;
        collect("/mars", all);
        return all;
    }

    // Another resource that is just like this one.
    void copy_resource(const std::string& from, const std::string& to) {
        copy_tree("resource-" + from, "resource-" + to);
    }

    Options defaults;                                                 // of every command line
    std::function<std::unique_ptr<Hooks>(env::Env&)> make_hooks = {}; // listeners of each; may be empty

    // Runs one command line; the output stays in `output`.
    RunResult run(const Words& words) {
        output.events.clear();
        auto process = machine.start_process("marsadm");
        Surroundings surroundings{*process, local, remote, output, macro_path};
        surroundings.verbs = &built_in_verbs();
        surroundings.systemd = systemd;
        process_ = process.get();
        const auto hooks = make_hooks ? make_hooks(*process) : nullptr;
        surroundings.hooks = hooks.get();
        std::optional<RunResult> result;
        auto wrapper = [this](Surroundings& where, Words line, std::optional<RunResult>& out) -> env::task<void> {
            auto options = defaults;
            out.emplace(co_await run_words(where, std::move(line), std::move(options)));
        };
        env::TaskGroup group(*process);
        group_ = &group;
        group.spawn("verb", wrapper(surroundings, words, result));
        running = true;
        auto token = std::make_shared<bool>(true);
        tick(token);
        bool ended = world.run_until([&] { return group.live() == 0 || process->is_dead(); }, 2h);
        *token = false;
        running = false;
        group_ = nullptr;
        process_ = nullptr;
        world.settle();
        REQUIRE(ended);
        CHECK(local.held == 0);
        if (!result) return {}; // it was interrupted
        return std::move(*result);
    }
    // Plays a Ctrl-C while a verb runs.
    void interrupt() {
        if (group_) group_->cancel();
    }
    // Plays a SIGKILL while a verb runs.
    void kill() {
        if (process_) process_->kill();
    }
    // Runs a command line that must be refused with `reason`, and must leave the tree as it was.
    RunResult refuse(const Words& words, std::string_view reason) {
        auto before = snapshot();
        auto result = run(words);
        INFO("command: " << join(words) << "\nerrors: " << output.text(Severity::error));
        CHECK(result.exit != 0);
        REQUIRE_FALSE(result.outcomes.empty());
        std::string found = result.outcomes.front().failed
                                ? std::string(reason_of(*result.outcomes.front().failed).name)
                                : std::string("success");
        CHECK(found == reason);
        CHECK(difference(before, snapshot()) == "");
        return result;
    }
    // What differs between two snapshots, one line each.
    static std::string difference(const std::map<std::string, std::string>& a,
                                  const std::map<std::string, std::string>& b) {
        std::string text;
        for (const auto& [path, value] : a)
            if (auto there = b.find(path); there == b.end() || there->second != value)
                text += path + ": " + value + " became " + (there == b.end() ? "nothing" : there->second) + "\n";
        for (const auto& [path, value] : b)
            if (!a.contains(path)) text += path + ": " + value + " is new\n";
        return text;
    }
    void succeed(const Words& words) {
        auto result = run(words);
        INFO("command: " << join(words) << "\nerrors: " << output.text(Severity::error)
                         << "\nwarnings: " << output.text(Severity::warning));
        REQUIRE(result.exit == 0);
    }
    static std::string join(const Words& words) {
        std::string text;
        for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
        return text;
    }

    env::sim::World world{1};
    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> hand;
    FakeLocalHost local;
    FakeRemote remote;
    RecordedOutput output;
    Words macro_path;
    systemd::Systemd* systemd = nullptr; // none unless a test brings one
    std::set<std::string> beating;
    std::function<void()> on_tick; // ten times per second of a running verb
    bool running = false;

  private:
    void make_parents(const std::string& path) {
        for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
            REQUIRE(hand->storage().make_directory("/mars/" + path.substr(0, slash)));
    }
    void copy_tree(const std::string& from, const std::string& to) {
        auto entries = hand->storage().list("/mars/" + from);
        REQUIRE(entries);
        for (const auto& entry : *entries) {
            const auto path = from + "/" + entry.name;
            if (auto link = hand->storage().read_symlink("/mars/" + path))
                set(to + "/" + entry.name, link->value);
            else if (entry.kind == env::FileKind::directory)
                copy_tree(path, to + "/" + entry.name);
            else
                file(to + "/" + entry.name, std::string(4096, 'x'));
        }
    }
    void beat() {
        for (const auto& host : beating) {
            set("actual-" + host + "/time", machine.real_time().text(), 0s);
            set("actual-" + host + "/alive", "1", 0s);
            if (const auto asked = stamp("actual-a/ask"); host != "a" && asked > Stamp{})
                set("actual-" + host + "/answer-a", asked.text(), 0s);
        }
    }
    void tick(const std::shared_ptr<bool>& token) {
        if (!*token) return;
        if (++ticks_ % 10 == 0) beat();
        if (on_tick) on_tick();
        world.after(100ms, [this, token] { tick(token); });
    }
    void collect(const std::string& directory, std::map<std::string, std::string>& all) const {
        auto entries = hand->storage().list(directory);
        if (!entries) return;
        for (const auto& entry : *entries) {
            auto path = directory + "/" + entry.name;
            bool is_indicator = entry.name.starts_with("is-") || entry.name == "if-on";
            bool is_news = entry.name == "ask" || entry.name.starts_with("answer-");
            if (entry.name == "alive" || entry.name == "time" || is_indicator || is_news) continue;
            auto status = hand->storage().status(path);
            auto link = hand->storage().read_symlink(path);
            if (entry.kind == env::FileKind::directory) {
                all[path] = "directory";
                collect(path, all);
            } else if (link) {
                all[path] = link->value + " @ " + link->mtime.text();
            } else {
                all[path] = "file of " + std::to_string(status ? status->size : 0);
            }
        }
    }
    int ticks_ = 0;
    env::TaskGroup* group_ = nullptr;
    env::sim::Process* process_ = nullptr;
};

// A healthy resource "r" of 1 MiB: primary b at log 3, host a has replayed everything; both alive.
struct Pair : Site {
    static constexpr std::string_view kVersion2 = "19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192:";
    static constexpr std::string_view kVersion3 =
        "25a4cf3b21e6d76a908d3184e9f5a315,log-000000003-b,4096:19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192";

    Pair() {
        cluster({"a", "b"});
        alive({"a", "b"});
        set("resource-r/size", "1048576");
        set("resource-r/maxnr", "3");
        set("resource-r/primary", "b");
        set("resource-r/userspace/last-primary", "b");
        for (const std::string host : {"a", "b"}) {
            set("resource-r/data-" + host, "/dev/vg/" + host);
            set("resource-r/device-" + host, "r");
            set("resource-r/actsize-" + host, "1048576");
            set("resource-r/syncstatus-" + host, "1048576");
            set("resource-r/replay-" + host, "log-000000003-b,4096,0");
            set("resource-r/version-000000002-" + host, std::string(kVersion2));
            set("resource-r/version-000000003-" + host, std::string(kVersion3));
            for (const char* name : {"attach", "connect", "sync", "allow-replay"})
                set("resource-r/todo-" + host + "/" + name, "1");
            set("resource-r/actual-" + host + "/is-attached", "1");
            set("resource-r/actual-" + host + "/is-syncing", "0");
            set("resource-r/actual-" + host + "/is-copying", host == "a" ? "1" : "0");
            set("resource-r/actual-" + host + "/is-replaying", host == "a" ? "1" : "0");
            set("resource-r/actual-" + host + "/is-primary", host == "b" ? "1" : "0");
            set("resource-r/actual-" + host + "/if-on", host == "b" ? "1" : "0");
            set("resource-r/actual-" + host + "/open-count", "0");
            directory("resource-r/defaults-" + host);
            directory("resource-r/local-" + host);
        }
        file("resource-r/log-000000002-b", std::string(8192, 'x'));
        file("resource-r/log-000000003-b", std::string(4096, 'x'));
        world.run_for(10min);
        alive({"a", "b"});
    }

    std::string r(const std::string& rest) const { return get("resource-r/" + rest); }
    // Plays marsd of host `host`: the indicators follow the switches.
    void obey(const std::string& host) {
        auto on = [&](const std::string& name) { return r("todo-" + host + "/" + name) == "1"; };
        auto indicate = [&](const std::string& name, bool value) {
            auto text = value ? "1" : "0";
            if (r("actual-" + host + "/" + name) != text) set("resource-r/actual-" + host + "/" + name, text, 0s);
        };
        bool designated = r("primary") == host && on("attach");
        indicate("is-attached", on("attach"));
        indicate("is-copying", on("attach") && on("connect") && !designated);
        indicate("is-replaying", on("attach") && on("allow-replay") && !designated);
        bool open = r("actual-" + host + "/open-count") != "0";
        indicate("is-primary", designated || (open && r("actual-" + host + "/is-primary") == "1"));
        indicate("if-on", designated || (open && r("actual-" + host + "/if-on") == "1"));
    }
    void both_obey() {
        on_tick = [this] {
            obey("a");
            obey("b");
        };
    }
};

} // namespace mars::shell::testing
