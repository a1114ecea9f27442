// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/link_store.hpp"

#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

// The entry vanished or changed its kind between two looks: look again, a few times.
constexpr int kMaxLooks = 8;

bool is_absent(const failure& f) {
    return f.is(std::errc::no_such_file_or_directory) || f.is(std::errc::not_a_directory);
}

} // namespace

LinkStore::LinkStore(env::Env& env, std::string root, std::string temporary_prefix)
    : env_(env), root_(std::move(root)), temporary_prefix_(std::move(temporary_prefix)) {
    while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
}

std::string LinkStore::absolute(std::string_view path) const {
    return path.empty() ? root_ : root_ + "/" + std::string(path);
}

result<PathState> LinkStore::look(std::string_view path) const {
    const auto where = absolute(path);
    PathState state;
    for (int i = 0; i < kMaxLooks; ++i) {
        auto link = env_.storage().read_symlink(where); // nearly everything is one
        if (link) {
            state.exists = true;
            state.kind = env::FileKind::symlink;
            state.mtime = link->mtime;
            state.link = Link{std::move(link->value), link->mtime};
            return state;
        }
        if (is_absent(link.error())) return PathState();
        if (!link.error().is(std::errc::invalid_argument)) return link.error();
        auto status = env_.storage().status(where);
        if (!status && is_absent(status.error())) return PathState();
        if (!status) return status.error();
        state.exists = true;
        state.kind = status->kind;
        state.mtime = status->mtime;
        if (status->kind != env::FileKind::symlink) return state;
    }
    return failure(std::errc::resource_unavailable_try_again, where + " changes faster than it can be read");
}

std::optional<Link> LinkStore::read_link(std::string_view path) const {
    auto link = env_.storage().read_symlink(absolute(path));
    if (!link) return std::nullopt;
    return Link{std::move(link->value), link->mtime};
}

std::map<std::string, std::optional<Link>, NaturalLess> LinkStore::names(std::string_view dir) const {
    std::map<std::string, std::optional<Link>, NaturalLess> found;
    auto listed = env_.storage().list(absolute(dir));
    if (!listed) return found;
    for (auto& entry : *listed) {
        if (entry.name.starts_with('.')) continue;
        std::optional<Link> link;
        if (entry.kind == env::FileKind::symlink) {
            link = read_link(join_path(dir, entry.name));
            if (!link) continue; // gone meanwhile
        } else if (entry.kind != env::FileKind::regular && entry.kind != env::FileKind::directory) {
            continue;
        }
        found.emplace(entry.name, std::move(link));
    }
    return found;
}

result<bool> LinkStore::make_one_directory(std::string_view dir, Stamp stamp) {
    MARS_TRY(const auto state, look(dir));
    if (state.exists && state.kind == env::FileKind::directory) return true;
    if (state.link && state.link->value == kDeleted) {
        if (state.link->stamp >= stamp) return false;
        MARS_TRY_VOID(env_.storage().remove(absolute(dir)));
    } else if (state.exists) {
        return failure(std::errc::not_a_directory,
                       absolute(dir) + " is no directory, so there can be no keys in it; remove it");
    }
    MARS_TRY_VOID(env_.storage().make_directory(absolute(dir)));
    return true;
}

result<bool> LinkStore::make_directories(std::string_view dir, Stamp stamp) {
    for (std::size_t slash = 0; !dir.empty() && slash != std::string_view::npos;) {
        slash = dir.find('/', slash + 1);
        MARS_TRY(const bool made, make_one_directory(dir.substr(0, slash), stamp));
        if (!made) return false;
    }
    return true;
}

result<bool> LinkStore::clear_sidecar(std::string_view path, Stamp stamp) {
    const auto [dir, name] = split_path(path);
    const auto sidecar = join_path(dir, ".deleted-" + std::string(name));
    auto link = read_link(sidecar);
    if (!link) return true;
    if (link->stamp > stamp) return false;
    MARS_TRY_VOID(env_.storage().remove(absolute(sidecar)));
    return true;
}

result<bool> LinkStore::write(std::string_view path, std::string_view value, Stamp stamp) {
    const auto [dir, name] = split_path(path);
    MARS_TRY(const bool has_parent, make_directories(dir, stamp));
    if (!has_parent) return false;
    MARS_TRY(const bool allowed, clear_sidecar(path, stamp));
    if (!allowed) return false;
    MARS_TRY(const auto state, look(path));
    if (state.exists && state.kind == env::FileKind::directory) {
        if (value != kDeleted)
            return failure(std::errc::is_a_directory, absolute(path) + " is a directory, so it cannot be a key");
        auto removed = env_.storage().remove_directory(absolute(path));
        if (!removed && removed.error().is(std::errc::directory_not_empty)) return false;
        if (!removed) return removed.error();
    }
    // A regular file (a log that is being deleted) is replaced by the rename: a crash leaves the one or the other. To
    // free its blocks takes seconds for a large one.
    const bool is_file = state.exists && state.kind == env::FileKind::regular;
    const auto held = is_file ? env_.storage().hold_blocks(absolute(path)) : nullptr;
    MARS_TRY_VOID(rename_link(path, value, stamp));
    return true;
}

result<bool> LinkStore::replace(std::string_view path, std::string_view value, Stamp stamp) {
    MARS_TRY(const bool allowed, clear_sidecar(path, stamp));
    if (!allowed) return false;
    MARS_TRY_VOID(rename_link(path, value, stamp));
    return true;
}

result<void> LinkStore::rename_link(std::string_view path, std::string_view value, Stamp stamp) {
    const auto [dir, name] = split_path(path);
    const auto temporary = absolute(join_path(dir, temporary_prefix_ + std::string(name)));
    return env_.storage().write_symlink(absolute(path), temporary, std::string(value), stamp);
}

result<void> LinkStore::remove(std::string_view path) {
    return env_.storage().remove(absolute(path));
}

result<void> LinkStore::touch_systemd_trigger(std::string_view path, Stamp now) {
    const auto trigger = systemd_trigger_for(path);
    if (trigger.empty()) return {};
    MARS_TRY(const bool has_parent, make_directories(split_path(trigger).dir, now));
    if (!has_parent) return {};
    return env_.storage().touch_file(absolute(trigger), now.text() + "\n"); // also replaces a marker
}

} // namespace mars::tree
