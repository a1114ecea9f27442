// SPDX-License-Identifier: GPL-2.0-or-later
// Scanning and following the disk: the part of the Tree that learns what others have done.
#include <algorithm>

#include "kernel/env/portions.hpp"
#include "kernel/env/quiet_log.hpp"
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
    MARS_TRY(auto state, look_at(path));
    const bool is_held = memory.entries(split_path(path).dir) && is_held_directory(path);
    if (is_held && state.exists && state.kind == env::FileKind::directory) MARS_TRY_VOID(scan(path));
    return state;
}

result<PathState> Tree::State::look_at(const std::string& path) {
    if (const auto doubt = unseen.find(path); doubt != unseen.end()) unseen.erase(doubt); // later events: once more
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
    return state;
}

bool Tree::State::is_in_doubt(std::string_view path) const {
    if (must_scan || is_scanning || !memory.entries(split_path(path).dir)) return true;
    for (auto above = path; !above.empty(); above = split_path(above).dir)
        if (unseen.contains(above)) return true;
    return false;
}

// Of files and directories, the disk knows more.
result<PathState> Tree::State::known(const std::string& path) {
    if (is_in_doubt(path)) return refresh(path);
    const auto* entry = memory.find(path);
    if (!entry) return PathState();
    if (entry->kind != env::FileKind::symlink) return refresh(path);
    PathState state;
    state.exists = true;
    state.kind = entry->kind;
    state.link = entry->link;
    state.mtime = entry->link.stamp;
    return state;
}

// All names that may be in `dir`: on the disk or in memory.
result<std::set<std::string>> Tree::State::begin_scan(const std::string& dir) {
    std::set<std::string> names;
    memory.add_directory(dir);
    auto watched = watch->add(store.absolute(dir));
    if (!watched && is_gone(watched.error())) return names; // its removal is an event of the parent
    if (!watched)
        return watched.error().with("cannot watch " + store.absolute(dir) +
                                    " (raise fs.inotify.max_user_watches if that is the limit)");
    auto listed = env.storage().list(store.absolute(dir));
    if (!listed && is_gone(listed.error())) return names;
    if (!listed) return listed.error();
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
    return names;
}

result<void> Tree::State::scan(const std::string& dir) {
    MARS_TRY(const auto names, begin_scan(dir));
    for (auto& name : names) {
        auto seen = refresh(join_path(dir, name));
        if (!seen) return seen.error();
    }
    return {};
}

env::task<result<void>> Tree::State::scan_all() {
    must_scan = false;
    is_scanning = true;
    struct Ended {
        ~Ended() { flag = false; }
        bool& flag;
    } const ended{is_scanning};
    env::Portions portions(env);
    std::vector<std::string> directories{""};
    while (!directories.empty()) {
        const auto dir = std::move(directories.back());
        directories.pop_back();
        MARS_CO_TRY(const auto names, begin_scan(dir));
        for (const auto& name : names) {
            const auto path = join_path(dir, name);
            MARS_CO_TRY(const auto state, look_at(path));
            if (state.exists && state.kind == env::FileKind::directory && is_held_directory(path))
                directories.push_back(path);
            if (!portions.is_over()) continue;
            co_await portions.next();
            take_events(); // else they are lost again
        }
    }
    co_return result<void>();
}

void Tree::State::take_events() {
    note(watch->pending());
}

void Tree::State::note(const std::vector<env::DirectoryChange>& changes) {
    const auto& root = store.root();
    for (const auto& change : changes) {
        if (change.overflow) must_scan = true;
        if (change.name.empty() || change.name.starts_with('.')) continue;
        auto dir = std::string_view(change.directory);
        if (!dir.starts_with(root)) continue;
        dir.remove_prefix(std::min(dir.size(), root.size() + 1));
        if (!memory.entries(dir)) continue;
        const auto [path, is_new] = unseen.insert(join_path(dir, change.name));
        if (is_new) to_look_at.push_back(*path);
    }
    if (must_scan || !unseen.empty()) has_unseen.notify();
}

// Meanwhile names may be looked at by others, and further ones may come.
env::task<void> Tree::State::look_at_unseen() {
    env::Portions portions(env);
    while (true) {
        while (!must_scan && unseen.empty()) co_await has_unseen.wait();
        if (must_scan) {
            co_await scan_until_done();
            continue;
        }
        const auto path = std::move(to_look_at.front());
        to_look_at.pop_front();
        const bool is_unseen = unseen.erase(path) > 0;
        if (is_unseen && memory.entries(split_path(path).dir)) { // it is not gone meanwhile
            auto done = refresh(path);
            if (!done) env.log().error("tree event=watch error=" + done.error().text);
        }
        if (portions.is_over()) co_await portions.next();
    }
}

env::task<void> Tree::State::scan_until_done() {
    env::QuietLog quiet(env);
    while (true) {
        auto done = co_await scan_all();
        if (done) co_return;
        must_scan = true; // memory is not to be believed
        quiet.warning("scan", "tree event=scan-failed error=" + done.error().text);
        co_await env.clock().sleep(kWatchRetry);
    }
}

env::task<void> Tree::State::follow() {
    while (true) {
        auto changes = co_await watch->next();
        if (changes) {
            note(*changes);
            continue;
        }
        if (changes.error().is(std::errc::operation_canceled)) co_return; // the tree is being closed
        env.log().error("tree event=watch-lost error=" + changes.error().text);
        must_scan = true;
        co_await env.clock().sleep(kWatchRetry);
        auto fresh = env.storage().watch();
        if (!fresh) continue;
        watch = std::move(*fresh);
        has_unseen.notify();
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
