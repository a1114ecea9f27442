// SPDX-License-Identifier: GPL-2.0-or-later
// FakeSystemd: units in a table; starting and stopping them moves the device's open count of host "a".
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "shell/systemd/systemd.hpp"
#include "tests/unit/shell/fixture.hpp"

namespace mars::shell::testing {

class FakeSystemd final : public systemd::Systemd {
  public:
    explicit FakeSystemd(Site& site) : site_(site) { settings_.path = {"/etc/marsadm"}; }

    const systemd::Settings& settings() const override { return settings_; }
    bool is_our_caller() override { return is_caller; }
    result<void> install(const systemd::UnitFile& file) override {
        log.push_back("write " + file.path);
        if (!can_write) return refusal("unit.write", "cannot write the unit " + file.path);
        if (!has_room || file.path.ends_with(unwritable))
            return errno_failure(ENOSPC, "cannot write the unit " + file.path);
        return site_.hand->storage().write_file(file.path, file.content);
    }
    result<void> uninstall(const std::string& path) override {
        log.push_back("remove " + path);
        return site_.hand->storage().remove(path);
    }
    env::task<result<void>> reload() override {
        log.push_back("reload");
        co_return result<void>();
    }
    env::task<result<systemd::UnitState>> state(std::string unit) override {
        if (on_state) on_state();
        systemd::UnitState state;
        state.load = known.contains(unit) ? "loaded" : "not-found";
        state.active = active.contains(unit) ? "active" : failed.contains(unit) ? "failed" : "inactive";
        if (const auto age = ages.find(unit); age != ages.end()) state.active_for = age->second;
        if (const auto job = jobs.find(unit); job != jobs.end()) state.job = job->second;
        state.is_passing = passing.contains(unit);
        state.file = disabled.contains(unit) ? "disabled" : "static";
        if (const auto told = files.find(unit); told != files.end()) state.file = told->second;
        co_return state;
    }
    env::task<result<systemd::UnitNeeds>> needs(std::string unit) override {
        systemd::UnitNeeds found;
        if (const auto told = needs_of.find(unit); told != needs_of.end()) found = told->second;
        if (found.load.empty()) found.load = known.contains(unit) ? "loaded" : "not-found";
        if (found.file.empty()) found.file = disabled.contains(unit) ? "disabled" : "static";
        co_return found;
    }
    // Everything is there unless a test says otherwise.
    env::task<systemd::HostFacts> look_at(systemd::HostQuestions questions) override {
        auto told = facts;
        for (const auto& path : questions.programs) told.programs.emplace(path, systemd::PathKind::program);
        for (const auto& path : questions.places) told.places.emplace(path, systemd::PathKind::directory);
        co_return told;
    }
    env::task<result<void>> run_job(systemd::JobKind kind, std::string unit, Duration limit,
                                    std::function<bool()>) override {
        if (before_job) before_job();
        const bool is_start = kind == systemd::JobKind::start || kind == systemd::JobKind::start_alone;
        log.push_back((is_start ? "start " : "stop ") + unit);
        if (hanging.contains(unit)) {
            co_await site_.hand->clock().sleep(std::max<Duration>(limit, 100ms));
            co_return failure(std::errc::timed_out, "unit " + unit + ": " + std::string(job_name(kind)) + " goes on");
        }
        if (failing.contains(unit)) co_return refusal("unit.job", "unit " + unit + " has failed");
        const auto bound = bound_to.find(unit);
        if (kind == systemd::JobKind::start_alone && bound != bound_to.end() && !active.contains(bound->second))
            co_return refusal("unit.job", "unit " + unit + " is bound to " + bound->second + ", which is not active");
        if (kind == systemd::JobKind::start && bound != bound_to.end()) active.insert(bound->second);
        if (is_start && !passing.contains(unit))
            active.insert(unit);
        else
            active.erase(unit);
        if (on_job) on_job();
        co_return result<void>();
    }
    env::task<result<void>> enable(std::string unit) override {
        log.push_back("enable " + unit);
        if (const auto told = files.find(unit); told != files.end() && told->second.starts_with("masked"))
            co_return refusal("unit.job", "unit " + unit + ": enable: systemd says: Unit file is masked.");
        co_return result<void>();
    }
    env::task<result<void>> disable(std::string unit) override {
        log.push_back("disable " + unit);
        co_return result<void>();
    }
    env::task<result<void>> reset_failed(std::string) override { co_return result<void>(); }
    env::task<result<int>> run_script(std::string path, std::string operation, Duration) override {
        log.push_back(path + " " + operation);
        co_return 0;
    }
    env::task<std::vector<std::string>> users_of(std::string) override { co_return users; }

    std::size_t count(const std::string& line) const {
        return static_cast<std::size_t>(std::count(log.begin(), log.end(), line));
    }

    std::set<std::string> known;
    std::map<std::string, systemd::UnitNeeds> needs_of; // beyond that
    systemd::HostFacts facts;                           // that differ
    std::set<std::string> active;
    std::map<std::string, Duration> ages;        // how long they have been; else since long ago
    std::set<std::string> passing;               // oneshots: started, and over
    std::map<std::string, std::string> jobs;     // of units, by kind
    std::map<std::string, std::string> bound_to; // BindsTo=
    std::set<std::string> failed;
    std::set<std::string> disabled;
    std::map<std::string, std::string> files; // states of unit files, beyond that
    std::set<std::string> failing;            // their jobs fail
    std::set<std::string> hanging;            // they do not end
    std::vector<std::string> users;
    std::vector<std::string> log;
    std::function<void()> before_job, on_job;
    std::function<void()> on_state; // before it is told
    bool is_caller = false;
    bool can_write = true;
    bool has_room = true;                 // in /run
    std::string unwritable = "(no unit)"; // its path ends so

  private:
    Site& site_;
    systemd::Settings settings_;
};

} // namespace mars::shell::testing
