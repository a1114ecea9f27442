// SPDX-License-Identifier: GPL-2.0-or-later
// SdBusSystemd: the systemd of this machine, spoken to through sd-bus. Calls block on threads of an own small pool;
// each has a connection of its own, to systemd's private socket when there is no message bus. Tested by tests/e2e.
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "kernel/env/real/blocking_pool.hpp"
#include "shell/systemd/systemd.hpp"

namespace mars::shell::systemd {

class SdBusSystemd final : public Systemd {
  public:
    // `callers`: a regular expression over the programs above this process ($SYSTEMD_RECURSIVE_CALL).
    SdBusSystemd(env::asio::io_context& context, env::ParkingLot& lot, Settings settings, std::string callers)
        : context_(context), lot_(lot), settings_(std::move(settings)), callers_(std::move(callers)) {}

    const Settings& settings() const override { return settings_; }

    bool is_our_caller() override;
    result<void> install(const UnitFile& file) override;
    result<void> uninstall(const std::string& path) override;
    env::task<result<void>> reload() override;
    env::task<result<UnitState>> state(std::string unit) override;
    env::task<result<UnitNeeds>> needs(std::string unit) override;
    env::task<HostFacts> look_at(HostQuestions questions) override;
    env::task<result<void>> run_job(JobKind kind, std::string unit, Duration limit,
                                    std::function<bool()> should_go_on) override;
    env::task<result<void>> enable(std::string unit) override;
    env::task<result<void>> disable(std::string unit) override;
    env::task<result<void>> reset_failed(std::string unit) override;
    env::task<result<int>> run_script(std::string path, std::string operation, Duration limit) override;
    env::task<std::vector<std::string>> users_of(std::string device) override;

  private:
    env::BlockingPool& pool();

    env::asio::io_context& context_;
    env::ParkingLot& lot_;
    Settings settings_;
    std::string callers_;
    std::unique_ptr<env::BlockingPool> pool_;
};

} // namespace mars::shell::systemd
