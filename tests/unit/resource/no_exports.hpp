// SPDX-License-Identifier: GPL-2.0-or-later
// A host that cannot show devices, for tests that need none.
#pragma once

#include <memory>
#include <string>

#include "kernel/export/provider.hpp"

namespace mars::test {

class NoExports final : public exports::Provider {
  public:
    std::string_view name() const override { return "none"; }
    env::task<result<std::unique_ptr<exports::Export>>> create(std::string, block::Device&) override {
        co_return failure(std::errc::not_supported, "no devices here");
    }
};

} // namespace mars::test
