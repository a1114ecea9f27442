// SPDX-License-Identifier: GPL-2.0-or-later
// Tree: marsd's copy of the /mars tree: all keys in memory, every change on disk at once, changes by others (marsadm,
// people) noticed through inotify. Readers subscribe to prefixes. The exchange with peers feeds it through apply().
// Runs on: the host's executor. Owns: the root directory's links (never logfiles). Spec: symlink-tree 1, 5.4.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/tree/lamport.hpp"
#include "kernel/tree/view.hpp"

namespace mars::tree {

// Ends the subscription when destroyed.
class Subscription {
  public:
    Subscription() = default;
    explicit Subscription(std::function<void()> end) : end_(std::move(end)) {}
    Subscription(Subscription&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept {
        std::swap(end_, other.end_);
        return *this;
    }
    ~Subscription() {
        if (end_) end_();
    }

  private:
    std::function<void()> end_;
};

class Tree : public View {
  public:
    // Reads the whole tree below `root` (absolute path), repairs illegal stamps (L6), removes leftovers, starts to
    // watch.
    static env::task<result<std::unique_ptr<Tree>>> open(env::Env& env, std::string root);
    ~Tree() override;

    // View: from memory, always up to date with the tree's own writes; logfile sizes are read when asked.
    std::optional<Link> raw(std::string_view path) const override;
    std::optional<FileInfo> file(std::string_view path) const override;
    std::vector<std::string> list(std::string_view dir) const override;
    std::vector<std::string> names(std::string_view dir, std::string_view prefix) const override;

    // Local writes: stamp = max(now, old stamp + 1 ns), atomic. set() leaves an unchanged value (and its stamp) alone,
    // and costs no look at the disk then; touch() always re-stamps (heartbeats). remove() writes `.deleted` if the key
    // exists. Missing directories are made.
    result<void> set(std::string_view path, std::string_view value);
    result<void> touch(std::string_view path, std::string_view value);
    result<void> remove(std::string_view path);
    // A version that comes from a peer, with its stamp: applied when nothing is there or it is strictly newer (M2 … M6,
    // D3 … D5). True when applied. A regular file that may hold user data is never replaced. `from` names the peer, for
    // loop-free forwarding and messages. Errors: as above, and result_out_of_range for an illegal stamp (L6).
    result<bool> apply(std::string_view path, std::string_view value, Stamp stamp, std::string_view from);

    // Calls `changed(path)` after each change of a key or file below `prefix` ("" = all), whoever made it.
    using Listener = std::function<void(const std::string& path)>;
    [[nodiscard]] Subscription subscribe(std::string prefix, Listener changed);
    // The same, as a wake-up.
    [[nodiscard]] Subscription subscribe(std::string prefix, env::Event& event);
    // All changes with their origin: the peer named in apply(), "" for everybody on this host.
    using Observer = std::function<void(const std::string& path, std::string_view from)>;
    [[nodiscard]] Subscription observe(Observer changed);

    // The directories whose keys are held in memory and exchanged (paths.hpp), parents first.
    std::vector<std::string> directories() const;
    // A number that is another one after each change of a name in `dir`, whoever made it: who remembers it knows
    // whether what it has written there is still so. 0: it is not held, or not known at present.
    std::uint64_t version_of(std::string_view dir) const;
    // Calls `visit` for each key in the held directory `dir`, `.deleted` ones too, in natural order. `visit` must not
    // change the tree.
    using Visitor = std::function<void(std::string_view name, const Link& link)>;
    void visit_links(std::string_view dir, const Visitor& visit) const;

    LamportClock& lamport();
    const std::string& root() const;
    // Absolute path of `path`.
    std::string absolute(std::string_view path) const;
    // Makes all changes so far durable.
    env::task<result<void>> sync();
    // Stops watching; must be awaited before destruction.
    env::task<void> close();

  private:
    struct State;
    explicit Tree(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace mars::tree
