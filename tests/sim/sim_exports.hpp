// SPDX-License-Identifier: GPL-2.0-or-later
// SimExports: the devices of one simulated machine, for simulated applications: opening counts, closing is waited for.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/export/provider.hpp"

namespace mars::sim {

class SimExports final : public exports::Provider {
  public:
    explicit SimExports(env::Env& env) : env_(env) {}

    std::string_view name() const override { return "simulated"; }
    env::task<result<std::unique_ptr<exports::Export>>> create(std::string name, block::Device& device) override;

    // The device of this name, and one opener more; nullptr when there is none.
    block::Device* open(const std::string& name);
    void close(const std::string& name);
    bool exists(const std::string& name) const { return exports_.contains(name); }

  private:
    class SimExport;
    env::Env& env_;
    std::map<std::string, SimExport*> exports_;
};

} // namespace mars::sim
