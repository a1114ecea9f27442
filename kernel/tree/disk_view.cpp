// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/disk_view.hpp"

#include <algorithm>

#include "kernel/env/deadline.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

// No process numbers behind Env: a random number keeps the temporaries of concurrent commands apart.
std::string temporary_prefix(env::Env& env) {
    return ".tmp." + std::to_string(env.random().below(1'000'000'000)) + ".";
}

} // namespace

DiskView::DiskView(env::Env& env, std::string root)
    : env_(env), store_(env, std::move(root), temporary_prefix(env)), lamport_(env.clock()) {}

const std::string& DiskView::root() const {
    return store_.root();
}
std::string DiskView::absolute(std::string_view path) const {
    return store_.absolute(path);
}
LamportClock& DiskView::lamport() const {
    return lamport_;
}

std::optional<Link> DiskView::raw(std::string_view path) const {
    if (!check_path(path)) return std::nullopt;
    auto link = store_.read_link(path);
    if (link) lamport_.seen(link->stamp);
    return link;
}

std::optional<FileInfo> DiskView::file(std::string_view path) const {
    if (!check_path(path)) return std::nullopt;
    auto status = env_.storage().status(absolute(path));
    if (!status || status->kind != env::FileKind::regular) return std::nullopt;
    lamport_.seen(status->mtime);
    return FileInfo{status->size, status->mtime};
}

std::vector<std::string> DiskView::list(std::string_view dir) const {
    if (!dir.empty() && !check_path(dir)) return {};
    std::vector<std::string> names;
    for (auto& [name, link] : store_.names(dir)) {
        if (link) lamport_.seen(link->stamp);
        if (!link || link->value != kDeleted) names.push_back(name);
    }
    return names;
}

void DiskView::see(std::string_view path) const {
    auto state = store_.look(path);
    if (state && state->exists) lamport_.seen(state->mtime);
}

Stamp DiskView::fresh_stamp(const std::vector<Change>& changes) {
    const std::string mine = "actual-" + env_.hostname();
    see(join_path(mine, "alive")); // the clock of marsd, as far as it has published it (L8)
    see(join_path(mine, "time"));
    for (auto& change : changes) {
        const auto [dir, name] = split_path(change.path);
        see(dir);
        see(join_path(dir, ".deleted-" + std::string(name)));
        see(change.path);
    }
    return lamport_.tick();
}

result<void> DiskView::write(const Change& change, Stamp fresh) {
    const auto stamp = change.stamp.value_or(fresh);
    const bool deletes = change.value == kDeleted;
    if (deletes) {
        MARS_TRY(const auto parent, store_.look(split_path(change.path).dir));
        if (!parent.exists || parent.kind != env::FileKind::directory) return {};
    } else {
        MARS_TRY(const auto now, store_.look(change.path));
        if (now.exists && now.kind == env::FileKind::regular)
            return failure(std::errc::file_exists,
                           absolute(change.path) + " is a regular file, so it cannot become a key");
    }
    MARS_TRY(const bool written, store_.write(change.path, change.value, stamp));
    lamport_.seen(stamp);
    if (!written) return {}; // a newer marker, or a directory in use
    return store_.touch_systemd_trigger(change.path, lamport_.now());
}

env::task<result<void>> DiskView::commit(std::vector<Change> changes) {
    for (auto& change : changes) {
        MARS_CO_TRY_VOID(check_path(change.path));
        if (auto good = check_value(change.value); !good) co_return good.error().with(change.path);
    }
    for (std::size_t i = 0; i < changes.size(); ++i) { // the last change of a path counts, at its place
        auto same = [&](const Change& later) { return later.path == changes[i].path; };
        const auto next = changes.begin() + static_cast<std::ptrdiff_t>(i) + 1;
        if (std::any_of(next, changes.end(), same)) changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(i--));
    }
    if (changes.empty()) co_return result<void>();
    const auto fresh = fresh_stamp(changes);
    for (auto& change : changes) MARS_CO_TRY_VOID(write(change, fresh));
    co_return co_await env_.storage().sync_filesystem(root());
}

result<bool> DiskView::watch_directory(std::string dir) {
    auto status = env_.storage().status(dir);
    while ((!status || status->kind != env::FileKind::directory) && dir.size() > root().size()) {
        dir.resize(dir.rfind('/'));
        status = env_.storage().status(dir);
    }
    if (!status) return status.error();
    auto known = watched_.find(dir);
    if (known != watched_.end() && known->second == status->inode) return false;
    MARS_TRY_VOID(watch_->add(dir));
    watched_[dir] = status->inode;
    return true;
}

env::task<result<bool>> DiskView::wait_for_change(std::vector<std::string> dirs, Duration limit) {
    if (!watch_) {
        MARS_CO_TRY(watch_, env_.storage().watch());
    }
    bool is_new = false;
    for (auto& dir : dirs) {
        if (!dir.empty()) MARS_CO_TRY_VOID(check_path(dir));
        MARS_CO_TRY(const bool added, watch_directory(absolute(dir)));
        is_new = is_new || added;
    }
    if (is_new) co_return true;
    auto changes = co_await env::with_deadline(env_, limit, "waiting for a change of the tree", watch_->next());
    if (!changes && changes.error().is(std::errc::timed_out)) co_return false;
    if (!changes) co_return changes.error();
    co_return true;
}

} // namespace mars::tree
