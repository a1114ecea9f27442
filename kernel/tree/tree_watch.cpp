// SPDX-License-Identifier: GPL-2.0-or-later
// Scanning and following the disk: the part of the Tree that learns what others have done.
#include <algorithm>

#include "kernel/tree/paths.hpp"
#include "kernel/tree/tree_state.hpp"

namespace mars::tree {

namespace {

constexpr Duration kTouchedAhead = std::chrono::minutes(1);
constexpr Duration kWatchRetry = std::chrono::seconds(1);

bool is_gone(const failure& f) {
    return f.is(std::errc::no_such_file_or_directory) || f.is(std::errc::not_a_directory);
}

bool is_known(env::FileKind kind) {
    return kind == env::FileKind::symlink || kind == env::FileKind::regular || kind == env::FileKind::directory;
}

} // namespace

void Tree::State::adopt(const std::string& path, std::optional<TreeEntry> entry, std::string_view from) {
    const bool is_directory = entry && entry->kind == env::FileKind::directory;
    if (!is_directory && memory.entries(path)) {
        watch->remove(store.absolute(path));
        for (auto& below : memory.drop_directory(path)) subscribers->notify(below, from);
    }
    if (memory.put(path, std::move(entry))) subscribers->notify(path, from);
}

void Tree::State::repair_stamp(const std::string& path, Link& link) {
    const auto stamp = lamport.tick();
    auto repaired = store.write(path, link.value, stamp);
    if (!repaired || !*repaired) {
        env.log().error("tree event=bad-stamp key=" + path + " stamp=" + link.stamp.text() +
                        " error=" + (repaired ? std::string("a newer deletion is in the way") : repaired.error().text));
        return;
    }
    env.log().warning("tree event=stamp-repaired key=" + path + " was=" + link.stamp.text() + " is=" + stamp.text());
    link.stamp = stamp;
}

// A stamp from the future on an unchanged value is nobody's command: it would beat the next one, here and everywhere.
void Tree::State::undo_touch(const std::string& path, Link& link) {
    const auto* known = memory.find(path);
    if (!known || known->kind != env::FileKind::symlink || known->link.value != link.value) return;
    if (!(link.stamp > lamport.now() + kTouchedAhead)) return;
    auto restored = store.write(path, link.value, known->link.stamp);
    if (!restored || !*restored) return; // it is repaired, or taken, like any other
    env.log().warning("tree event=stamp-restored key=" + path + " was=" + link.stamp.text() +
                      " is=" + known->link.stamp.text() + " reason=somebody has touched it, the value is unchanged");
    link.stamp = known->link.stamp;
}

result<PathState> Tree::State::refresh(const std::string& path) {
    MARS_TRY(auto state, store.look(path));
    if (state.link) undo_touch(path, *state.link);
    if (state.link && (!lamport.seen(state.link->stamp) || state.link->stamp.sec < 0)) repair_stamp(path, *state.link);
    if (state.exists && !state.link) lamport.seen(state.mtime);
    const auto [dir, name] = split_path(path);
    if (!memory.entries(dir)) return state;
    if (!state.exists || !is_known(state.kind)) {
        adopt(path, std::nullopt, {});
        return state;
    }
    TreeEntry entry;
    entry.kind = state.kind;
    if (state.link) entry.link = *state.link;
    adopt(path, std::move(entry), {});
    if (state.kind == env::FileKind::directory && is_held_directory(path)) MARS_TRY_VOID(scan(path));
    return state;
}

result<void> Tree::State::scan(const std::string& dir) {
    memory.add_directory(dir);
    auto watched = watch->add(store.absolute(dir));
    if (!watched && is_gone(watched.error())) return {}; // its removal is an event of the parent
    if (!watched)
        return watched.error().with("cannot watch " + store.absolute(dir) +
                                    " (raise fs.inotify.max_user_watches if that is the limit)");
    auto listed = env.storage().list(store.absolute(dir));
    if (!listed && is_gone(listed.error())) return {};
    if (!listed) return listed.error();
    std::set<std::string> names;
    for (auto& entry : *listed) {
        const auto path = join_path(dir, entry.name);
        if (entry.name.starts_with(".tmp-")) {
            (void)store.remove(path); // a leftover of a crash; if that fails it does no harm
        } else if (entry.name.starts_with(".deleted-")) {
            if (auto link = store.read_link(path)) lamport.seen(link->stamp);
        } else if (!entry.name.starts_with('.')) {
            names.insert(entry.name);
        }
    }
    if (auto* known = memory.entries(dir))
        for (auto& [name, entry] : *known) names.insert(name);
    for (auto& name : names) {
        auto seen = refresh(join_path(dir, name));
        if (!seen) return seen.error();
    }
    return {};
}

void Tree::State::handle(const env::DirectoryChange& change) {
    auto report = [this](const failure& f) { env.log().error("tree event=watch error=" + f.text); };
    if (change.overflow) {
        if (auto done = scan(""); !done) report(done.error());
        return;
    }
    if (change.name.empty() || change.name.starts_with('.')) return;
    const auto& root = store.root();
    auto dir = std::string_view(change.directory);
    if (!dir.starts_with(root)) return;
    dir.remove_prefix(std::min(dir.size(), root.size() + 1));
    if (!memory.entries(dir)) return;
    if (auto done = refresh(join_path(dir, change.name)); !done) report(done.error());
}

env::task<void> Tree::State::follow() {
    while (true) {
        auto changes = co_await watch->next();
        if (changes) {
            for (auto& change : *changes) handle(change);
            continue;
        }
        if (changes.error().is(std::errc::operation_canceled)) co_return; // the tree is being closed
        env.log().error("tree event=watch-lost error=" + changes.error().text);
        co_await env.clock().sleep(kWatchRetry);
        auto fresh = env.storage().watch();
        if (!fresh) continue;
        watch = std::move(*fresh);
        env::DirectoryChange everything;
        everything.overflow = true;
        handle(everything);
    }
}

result<void> Tree::State::check_stamps_are_kept() {
    const auto probe = store.absolute(".tmp-probe");
    MARS_TRY_VOID(env.storage().write_symlink(probe, store.absolute(".tmp-probe2"), "probe", Stamp{1, 1}));
    MARS_TRY(const auto link, env.storage().read_symlink(probe));
    MARS_TRY_VOID(env.storage().remove(probe));
    if (link.mtime == Stamp{1, 1}) return {};
    return failure(std::errc::not_supported, "the filesystem at " + store.root() +
                                                 " does not keep nanoseconds in the times of symlinks; use xfs, or "
                                                 "ext4 with inodes of 256 bytes");
}

} // namespace mars::tree
