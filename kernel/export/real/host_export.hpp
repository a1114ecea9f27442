// SPDX-License-Identifier: GPL-2.0-or-later
// HostProvider: what marsd uses on a real machine. Each resource gets a block device /dev/mars/NAME by the first
// provider of the table that works here, and beside it an NBD export on the socket RUN/NAME.nbd. Their openers add up.
// Where no block device is possible, there is only the NBD export.
// Runs on: the env's io_context. Tests: tests/unit/export/host_export_test.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/env/real/real_env.hpp"
#include "kernel/export/provider.hpp"
#include "kernel/export/real/paths.hpp"

namespace mars::exports {

class HostProvider final : public Provider {
  public:
    HostProvider(env::RealEnv& env, ExportPaths paths);
    HostProvider(env::RealEnv& env, std::string run_directory);

    std::string_view name() const override { return "block device and nbd"; }
    // Before anything is made: takes away what a killed marsd has left, and logs what cannot go.
    env::task<void> clean();
    env::task<result<std::unique_ptr<Export>>> create(std::string name, block::Device& device) override;

  private:
    env::task<result<std::unique_ptr<Export>>> create_device(const std::string& name, block::Device& device);
    env::task<result<std::unique_ptr<Export>>> create_steps(std::string name, block::Device& device);

    env::RealEnv& env_;
    const ExportPaths paths_;
    std::vector<std::unique_ptr<Provider>> devices_; // in order of preference
};

} // namespace mars::exports
