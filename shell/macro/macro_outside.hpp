// SPDX-License-Identifier: GPL-2.0-or-later
// MacroOutside: what the evaluation of macros may learn from this host: files, disks, clocks, and whether marsd runs.
#pragma once

#include <map>

#include "macros/language/outside.hpp"
#include "shell/command/context.hpp"
#include "shell/local/fiber.hpp"

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
    bool engine_running() override;
    result<void> sleep(std::int64_t seconds) override;
    result<void> set_link(const std::string& value, const std::string& path) override;
    void warn(std::string_view text) override {
        if (warnings_)
            warnings_->emplace_back(text);
        else
            ctx_.out().warning(text);
    }
    void notice(std::string_view text) override { ctx_.out().hint(text); }
    void print(std::string_view text) override {
        if (text.ends_with('\n')) text.remove_suffix(1);
        ctx_.out().answer(text);
    }

    bool may_go_on() override;

    // Kinds of files are remembered, as the tree is: this drops them.
    void forget() { kinds_.clear(); }
    // Warnings go to `where` instead of the verb's output.
    void keep_warnings(std::vector<std::string>* where) { warnings_ = where; }
    // The fiber that evaluates, which pauses when a macro sleeps; nullptr: nobody can wait.
    void sleep_on(Fiber* fiber) { fiber_ = fiber; }
    Duration wanted_sleep() const { return wanted_sleep_; }
    // Lets %setlink write; without it the evaluation fails there. For the one verb that says so.
    void allow_writing() { may_write_ = true; }
    // Macro files need not be trusted (trust.hpp): they are looked at, and not evaluated.
    void accept_all_files() { accepts_all_ = true; }
    // Lets the sleep under way, and all later ones, fail, and a long evaluation end: the verb is being cancelled.
    void refuse_sleep() { refused_ = true; }

  private:
    FileKind find_kind(const std::string& path);

    VerbContext& ctx_;
    std::map<std::string, FileKind> kinds_;
    std::vector<std::string>* warnings_ = nullptr;
    Fiber* fiber_ = nullptr;
    Duration wanted_sleep_{};
    Duration last_pause_{};
    bool refused_ = false;
    bool may_write_ = false;
    bool accepts_all_ = false;
};

} // namespace mars::shell
