// SPDX-License-Identifier: GPL-2.0-or-later
// HookPrograms: executables of the administrator that are called around phases. In each directory of the search path,
// in this order: hook-TYPE-VERB, hook-TYPE, everything in hook-TYPE-VERB.d/, everything in hook-TYPE.d/ (not NAME~);
// all of them run, one after the other, as
//     hook-TYPE VERB RESOURCE ARGUMENT...     with MARS_HOOK=TYPE and MARS_HOOK_PHASE=NAME in the environment.
// TYPE: `pre`, `post` (a phase of a resource), `all-pre`, `all-post` (a phase that is no LOOP, when a list or "all" was
// given; RESOURCE is "all"). A marsadm that such a program calls runs none itself. What is not
// trusted (trust.hpp) is not run, with a warning. Plugins have events instead (hooks.hpp).
// Spec: verbs 1.12. Tests: tests/shell/hooks_test.py.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

class HookPrograms {
  public:
    HookPrograms(Surroundings& surroundings, const Request& request);

    // Calls all programs for this moment. Failure: hook.failed, naming the program and its status; with --force only a
    // warning. In a dry run they are named. Suspends as long as they run; they are killed when the caller is cancelled.
    env::task<result<void>> call(VerbContext& ctx, std::string type, std::string resource, const Phase& phase);

  private:
    const std::vector<std::string>& find(const std::string& type);
    void add_file(std::vector<std::string>& all, const std::string& path);
    void add_directory(std::vector<std::string>& all, const std::string& path);
    env::task<result<void>> call_one(VerbContext& ctx, std::string program, std::string type, std::string resource,
                                     const Phase& phase);

    Surroundings& surroundings_;
    const Request& request_;
    bool is_on_;
    std::map<std::string, std::vector<std::string>> found_; // by type
};

} // namespace mars::shell
