// SPDX-License-Identifier: GPL-2.0-or-later
// VerbContext: everything that the coroutine of a verb may use: the tree, the options, the words it was given, the host
// it acts for, and a batch of changes that is committed with one stamp. One per resource and verb call.
// Spec: verbs 1.13 (lock), 1.14 (dry-run), 1.15 (--host), 2.1 (batch). Tests: tests/unit/shell/.
#pragma once

#include <any>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/tree/disk_view.hpp"
#include "shell/command/command_line.hpp"
#include "shell/command/hooks.hpp"
#include "shell/command/scripting.hpp"
#include "shell/command/verb_registry.hpp"
#include "shell/local/local_host.hpp"
#include "shell/ssh/remote.hpp"
#include "shell/words/output.hpp"
#include "shell/words/reason.hpp"

namespace mars::macros {
class AddedPrimitives;
}

namespace mars::shell {

namespace systemd {
class Systemd;
}

// What verbs run on: given by the one-shot program, the REPL, a script, or the simulation. Outlives all calls.
struct Surroundings {
    env::Env& env;
    LocalHost& local;
    Remote& remote;
    Output& output;
    std::vector<std::string> macro_path;                 // directories searched for NAME.tpl
    const macros::AddedPrimitives* primitives = nullptr; // of plugins, for macros
    Hooks* hooks = nullptr;                              // plugins that listen; may be absent
    VerbRegistry* verbs = nullptr;                       // those of the table, and of plugins
    Scripting* scripting = nullptr;                      // Lua, plugins, interactive shell; may be absent
    systemd::Systemd* systemd = nullptr;                 // of this host; absent where there is none
    // Told +1 and -1 by what passes the point of no return, for whoever could end the program; may be empty.
    std::function<void(int change)> count_irrevocable = {};

    VerbRegistry& registry() const { return *verbs; }
    // The same in everything but the output. (A new member has to be named here as well.)
    Surroundings with(Output& other) const {
        return {env, local, remote, other, macro_path, primitives, hooks, verbs, scripting, systemd, count_irrevocable};
    }
};

class VerbContext {
  public:
    VerbContext(Surroundings& surroundings, tree::DiskView& view, const Request& request,
                std::vector<std::string> resources, std::string resource);
    ~VerbContext() { set_irrevocable(false); }
    VerbContext(const VerbContext&) = delete;
    VerbContext& operator=(const VerbContext&) = delete;

    env::Env& env() const { return surroundings_.env; }
    LocalHost& local() const { return surroundings_.local; }
    Remote& remote() const { return surroundings_.remote; }
    Output& out() const { return surroundings_.output; }
    Surroundings& surroundings() { return surroundings_; }
    const Surroundings& surroundings() const { return surroundings_; }
    tree::DiskView& view() { return view_; }
    const tree::DiskView& view() const { return view_; }
    const Request& request() const { return request_; }
    const Options& options() const { return request_.options; }
    bool is_forced() const { return request_.options.force > 0; }
    bool is_dry_run() const { return request_.options.dry_run > 0; }
    // The positional argument number `i` after the resource; empty when missing.
    const std::string& argument(std::size_t i) const;

    // The real local host, and the host that is acted for.
    const std::string& self() const { return self_; }
    const std::string& me() const { return me_; }
    // The resource at work (empty in verbs without one and in global phases), and all that were addressed.
    const std::string& resource() const { return resource_; }
    const std::vector<std::string>& resources() const { return resources_; }

    // Paths: "resource-RES/REST", "resource-RES/todo-HOST/SWITCH", "resource-RES/actual-HOST/INDICATOR".
    std::string key(std::string_view rest) const;
    std::string todo(std::string_view host, std::string_view name) const;
    std::string actual(std::string_view host, std::string_view name) const;

    // True when marsd runs on this host: actual-SELF/alive is 1 and younger than the window.
    bool is_marsd_running() const;
    // Real time minus the stamp; negative for stamps of the future.
    Duration age(Stamp stamp) const;
    // How long `link` at `path` has had its stamp. Stamps of the future tell no age (tree/heard.hpp): then since this
    // call saw it first.
    Duration link_age(const std::string& path, const tree::Link& link);

    // Queues a change of the batch; a later one of the same key moves it to the end. `stamp`: its own, not the batch's.
    void set(std::string path, std::string value, std::optional<Stamp> stamp = std::nullopt);
    // Queues the deletion of a key or file that exists; nothing otherwise. A file with user data stays, with a warning.
    void remove(std::string path);
    // Queues a directory, an empty file (a leftover `.deleted` there goes), or the physical removal of a key.
    void make_directory(std::string path);
    void make_empty_file(std::string path);
    void unlink(std::string path);
    bool has_pending() const { return !effects_.empty(); }
    void drop_pending();
    // What the batch means for the operator, said when it has been written: a full disk makes it false. Not in a dry
    // run.
    void tell_when_written(std::string_view text) { told_later_.push_back(label(text)); }
    // Writes the batch in the order in which it was queued, all keys with one stamp (`stamp` if given), under the lock.
    // In a dry run only says what it would do. On a failure what came before it stays.
    env::task<result<void>> commit(std::optional<Stamp> stamp = std::nullopt);
    // The same, if `still` agrees: it is asked under the lock, when what is overwritten has been read, so that no other
    // verb of this host, and hardly anything that arrives, can come between. Its failure is the result then.
    env::task<result<void>> commit_if(std::function<result<void>()> still, std::optional<Stamp> stamp = std::nullopt);
    // All paths written so far by this call.
    const std::vector<std::string>& changed() const { return changed_; }

    // A class F check that is violated: a refusal, or with --force a warning and success.
    result<void> overridable(Reason reason, std::string text);
    // Prints at --verbose >= level.
    void detail(int level, std::string_view text) const;
    // "resource mydata: TEXT", or just TEXT.
    std::string label(std::string_view text) const;

    // Beyond the point of no return: to stop half way would be worse than to go on, so from here on no interruption
    // ends the verb for this resource. Spec: verbs 1.17, with docs/architecture.md.
    void set_irrevocable(bool is_irrevocable);
    bool is_irrevocable() const { return is_irrevocable_; }

    // What a dry run does instead of waiting or starting something: "would TEXT".
    void would(std::string_view text) const { out().info(label("would " + std::string(text))); }

    // The verb has done a part of its work although it will report a failure: the exit status becomes "mixed".
    void note_partly_done() { partly_done_ = true; }
    bool is_partly_done() const { return partly_done_; }

    // The exit status of a verb that runs something with a status of its own; unless it fails.
    void exit_with(int status) { exit_status_ = status; }
    std::optional<int> exit_status() const { return exit_status_; }

    // Putting things back may take its time, whatever --timeout says.
    void begin_giving_back() { is_giving_back_ = true; }
    bool is_giving_back() const { return is_giving_back_; }

    // What a verb remembers from phase to phase; made on first use.
    template<class State>
    State& state() {
        if (!state_.has_value()) state_.emplace<State>();
        return std::any_cast<State&>(state_);
    }

  private:
    struct Effect {
        enum class Kind { key, directory, file, unlink };
        Effect(Kind k, std::string p, std::string v) : kind(k), path(std::move(p)), value(std::move(v)) {}
        Kind kind;
        std::string path;
        std::string value;
        std::optional<Stamp> stamp = std::nullopt;
    };
    void queue(Effect effect);
    void describe(const Effect& effect);
    void tell(const std::vector<std::string>& lines) const;
    void read_before(const std::vector<Effect>& effects);
    env::task<result<void>> apply(std::vector<Effect> effects, std::optional<Stamp> stamp);
    env::task<result<void>> apply_one(const Effect& effect);

    Surroundings& surroundings_;
    tree::DiskView& view_;
    const Request& request_;
    std::string self_;
    std::string me_;
    std::vector<std::string> resources_;
    std::string resource_;
    std::vector<Effect> effects_;
    std::vector<std::string> told_later_;
    std::vector<std::string> changed_;
    std::any state_;
    std::map<std::pair<std::string, Stamp>, Duration> first_seen_; // steady time
    bool partly_done_ = false;
    bool is_irrevocable_ = false;
    bool is_giving_back_ = false;
    std::optional<int> exit_status_;
};

} // namespace mars::shell
