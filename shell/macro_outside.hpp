// SPDX-License-Identifier: GPL-2.0-or-later
// MacroOutside: what the evaluation of macros may learn from this host: files, disks, clocks, and whether marsd runs.
#pragma once

#include "macros/outside.hpp"
#include "shell/context.hpp"

namespace mars::shell {

class MacroOutside final : public macros::Outside {
  public:
    explicit MacroOutside(VerbContext& ctx) : ctx_(ctx) {}

    std::optional<std::string> read_file(const std::string& path) override;
    FileKind kind(const std::string& path) override;
    std::optional<std::string> read_link(const std::string& path) override;
    std::vector<std::string> list(const std::string& directory) override;
    std::optional<std::uint64_t> device_size(const std::string& path) override;
    Stamp system_time() override { return ctx_.env().clock().now(); }
    std::optional<Stamp> lamport_time() override { return ctx_.view().lamport().now(); }
    bool engine_running() override { return ctx_.is_marsd_running(); }
    void warn(std::string_view text) override { ctx_.out().warning(text); }
    void notice(std::string_view text) override { ctx_.out().hint(text); }
    void print(std::string_view text) override { ctx_.out().answer(text); }

  private:
    VerbContext& ctx_;
};

} // namespace mars::shell
