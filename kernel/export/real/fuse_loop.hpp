// SPDX-License-Identifier: GPL-2.0-or-later
// FuseLoopProvider: /dev/mars/NAME as a loop device on a file that we serve by FUSE. A real block device with write
// cache and flush, without any module beyond those that every distribution has.
//
//     application ── /dev/mars/NAME = loop device ── RUN/NAME.fuse/NAME ── FuseSession ── Device
//
// Runs on: the env's io_context. Tests: tests/unit/export/fuse_loop_test.cpp.
#pragma once

#include "kernel/env/real/real_env.hpp"
#include "kernel/export/provider.hpp"
#include "kernel/export/real/paths.hpp"

namespace mars::exports {

class FuseLoopProvider final : public Provider {
  public:
    FuseLoopProvider(env::RealEnv& env, ExportPaths paths) : env_(env), paths_(std::move(paths)) {}

    std::string_view name() const override { return "fuse+loop"; }
    std::string why_unavailable() const override;
    env::task<result<std::unique_ptr<Export>>> create(std::string name, block::Device& device) override;

  private:
    env::task<result<std::unique_ptr<Export>>> create_steps(std::string name, block::Device& device);

    env::RealEnv& env_;
    const ExportPaths paths_;
};

} // namespace mars::exports
