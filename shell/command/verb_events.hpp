// SPDX-License-Identifier: GPL-2.0-or-later
// VerbEvents: tells the listeners of plugins (hooks.hpp) and the administrator's programs (hook_programs.hpp) where a
// verb is on its way. Owned by the run of one verb. Spec: verbs 1.12. Tests: tests/unit/shell/hooks_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "shell/command/hook_programs.hpp"

namespace mars::shell {

class VerbEvents {
  public:
    VerbEvents(Surroundings& surroundings, const Request& request);

    // "before" or "after" (`failed`: "failed") the verb, or one of its phases, for the resource of `ctx`. Failure:
    // hook.failed; of what comes after only when a program has failed.
    env::task<result<void>> fire(VerbContext& ctx, std::string moment, const Phase* phase,
                                 const std::optional<failure>& failed);
    // Around a phase for all resources together: "all-pre" or "all-post", where a list was given.
    env::task<result<void>> fire_for_list(VerbContext& whole, std::string type, const Phase& phase);

  private:
    env::task<result<void>> tell_listeners(VerbContext& ctx, std::string moment, const Phase* phase,
                                           const std::optional<failure>& failed);
    bool has_many_phases() const { return request_.verb->phases.size() > 1; }

    Surroundings& surroundings_;
    const Request& request_;
    HookPrograms programs_;
};

} // namespace mars::shell
