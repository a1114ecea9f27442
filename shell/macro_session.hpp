// SPDX-License-Identifier: GPL-2.0-or-later
// What macros are evaluated with, for every verb that does so: the context made of the options and of the host, and the
// way to run an evaluation that may pause. Spec: macro-language 1.6, 5.2. Tests: tests/unit/shell/view_test.cpp.
#pragma once

#include <functional>
#include <string>

#include "macros/macros.hpp"
#include "shell/context.hpp"
#include "shell/macro_outside.hpp"

namespace mars::shell {

// The tree of the verb, with what was read kept: one picture of the state for one view. Not for verbs that wait for
// changes, unless they forget().
class SnapshotView final : public tree::View {
  public:
    explicit SnapshotView(const tree::View& tree) : tree_(tree) {}

    std::optional<tree::Link> raw(std::string_view path) const override;
    std::optional<tree::FileInfo> file(std::string_view path) const override { return tree_.file(path); }
    std::vector<std::string> list(std::string_view dir) const override;
    void forget();

  private:
    const tree::View& tree_;
    mutable std::map<std::string, std::optional<tree::Link>, std::less<>> links_;
    mutable std::map<std::string, std::vector<std::string>, std::less<>> lists_;
};

// Context for macros::Session, with all that it refers to. Lives as long as the verb's context.
struct MacroSetup {
    // `command`: %{cmd}; empty: the name of the viewed macro.
    explicit MacroSetup(VerbContext& ctx, std::string command = {});
    MacroSetup(const MacroSetup&) = delete;
    MacroSetup& operator=(const MacroSetup&) = delete;

    SnapshotView view;
    MacroOutside outside;
    macros::Context context;
};

// Does what `body` does; %sleep and the waits in it suspend the caller. Cancellation lets the sleep fail, so that the
// body comes to its end, before it goes on to the caller.
env::task<void> run_macros(VerbContext& ctx, MacroSetup& setup, std::function<void()> body);

} // namespace mars::shell
