// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/tree.hpp"

#include <algorithm>
#include <utility>

#include "kernel/tree/paths.hpp"
#include "kernel/tree/tree_state.hpp"

namespace mars::tree {

namespace {

bool is_shown(const TreeEntry& entry) {
    return !(entry.kind == env::FileKind::symlink && entry.link.value == kDeleted);
}

} // namespace

Tree::Tree(std::unique_ptr<State> state) : state_(std::move(state)) {}

Tree::~Tree() = default;

env::task<result<std::unique_ptr<Tree>>> Tree::open(env::Env& env, std::string root) {
    auto state = std::make_unique<State>(env, std::move(root));
    MARS_CO_TRY(const auto status, env.storage().status(state->store.root()));
    if (status.kind != env::FileKind::directory)
        co_return failure(std::errc::not_a_directory, state->store.root() + " is no directory");
    MARS_CO_TRY_VOID(state->check_stamps_are_kept());
    MARS_CO_TRY(state->watch, env.storage().watch());
    MARS_CO_TRY_VOID(co_await state->scan_all());
    state->group.spawn("tree watcher", state->follow());
    state->group.spawn("tree looks", state->look_at_unseen());
    co_return std::unique_ptr<Tree>(new Tree(std::move(state)));
}

env::task<void> Tree::close() {
    co_await state_->group.stop();
}

std::optional<Link> Tree::raw(std::string_view path) const {
    if (!check_path(path)) return std::nullopt;
    if (is_held_directory(split_path(path).dir)) {
        auto* entry = state_->memory.find(path);
        if (!entry || entry->kind != env::FileKind::symlink) return std::nullopt;
        return entry->link;
    }
    auto link = state_->store.read_link(path);
    if (link) state_->lamport.seen(link->stamp);
    return link;
}

std::optional<FileInfo> Tree::file(std::string_view path) const {
    if (!check_path(path)) return std::nullopt;
    auto status = state_->env.storage().status(absolute(path));
    if (!status || status->kind != env::FileKind::regular) return std::nullopt;
    state_->lamport.seen(status->mtime);
    return FileInfo{status->size, status->mtime};
}

std::vector<std::string> Tree::list(std::string_view dir) const {
    if (!dir.empty() && !check_path(dir)) return {};
    std::vector<std::string> names;
    if (!is_held_directory(dir)) {
        for (auto& [name, link] : state_->store.names(dir)) {
            if (link) state_->lamport.seen(link->stamp);
            if (!link || link->value != kDeleted) names.push_back(name);
        }
    } else if (auto* entries = state_->memory.entries(dir)) {
        for (auto& [name, entry] : *entries)
            if (is_shown(entry)) names.push_back(name);
    }
    return names;
}

std::vector<std::string> Tree::names(std::string_view dir, std::string_view prefix) const {
    const auto* entries = is_held_directory(dir) ? state_->memory.entries(dir) : nullptr;
    if (!entries) return View::names(dir, prefix);
    std::vector<std::string> found;
    for (auto& [name, entry] : *entries)
        if (name.starts_with(prefix) && is_shown(entry)) found.push_back(name);
    return found;
}

std::vector<std::string> Tree::directories() const {
    return state_->memory.directories();
}

std::uint64_t Tree::version_of(std::string_view dir) const {
    return state_->is_in_doubt(dir) ? 0 : state_->memory.version_of(dir);
}

void Tree::visit_links(std::string_view dir, const Visitor& visit) const {
    auto* entries = state_->memory.entries(dir);
    if (!entries) return;
    for (auto& [name, entry] : *entries)
        if (entry.kind == env::FileKind::symlink) visit(name, entry.link);
}

result<bool> Tree::State::write(const std::string& path, std::string_view value, Stamp stamp, std::string_view from) {
    const std::string dir(split_path(path).dir);
    if (is_held_directory(dir) && !memory.entries(dir)) { // hold it first, so that the scan does not find the new key
        MARS_TRY(const bool made, store.make_directories(dir, stamp));
        if (!made) return false;
        for (std::size_t slash = 0; slash != std::string::npos;) {
            slash = dir.find('/', slash + 1);
            MARS_TRY(const auto state, refresh(dir.substr(0, slash)));
        }
    }
    MARS_TRY(const bool written, replace(path, value, stamp));
    if (!written) return false;
    lamport.seen(stamp);
    if (!memory.entries(dir)) return true;
    TreeEntry entry;
    entry.kind = env::FileKind::symlink;
    entry.link = Link{std::string(value), stamp};
    adopt(path, std::move(entry), from);
    return true;
}

// Most keys are links already, or not there: nothing else has to be looked for on the disk.
result<bool> Tree::State::replace(const std::string& path, std::string_view value, Stamp stamp) {
    const auto* entry = memory.find(path);
    const bool is_plain = !is_in_doubt(path) && (!entry || entry->kind == env::FileKind::symlink);
    if (!is_plain) return store.write(path, value, stamp);
    auto replaced = store.replace(path, value, stamp);
    return replaced ? replaced : store.write(path, value, stamp); // which says what is in the way
}

// As far as is known: what others are doing to the disk just now comes after it.
bool Tree::State::is_so(std::string_view path, std::string_view value) const {
    if (is_in_doubt(path)) return false;
    const auto* entry = memory.find(path);
    if (!entry) return value == kDeleted;
    return entry->kind == env::FileKind::symlink && entry->link.value == value;
}

result<void> Tree::State::write_locally(const std::string& path, std::string_view value, const PathState& now) {
    auto stamp = lamport.tick();
    if (now.link) stamp = std::max(stamp, now.link->stamp + Duration(1));
    MARS_TRY(const bool written, write(path, value, stamp, {}));
    if (written || value == kDeleted) return {}; // a directory that is in use stays
    return failure(std::errc::operation_not_permitted,
                   "cannot write " + store.absolute(path) +
                       ": a deletion marker from the future is in the way; remove " +
                       store.absolute(join_path(split_path(path).dir, ".deleted-…")));
}

result<void> Tree::State::put(std::string_view key, std::string_view value, bool even_if_equal) {
    MARS_TRY_VOID(check_path(key));
    MARS_TRY_VOID(check_value(value));
    if (!even_if_equal && is_so(key, value)) return {};
    const std::string path(key);
    take_events(); // of a marsadm that was quicker
    MARS_TRY(const auto now, known(path));
    const bool deletes = value == kDeleted;
    if (deletes && (!now.exists || (now.link && now.link->value == kDeleted))) return {};
    if (!even_if_equal && now.link && now.link->value == value) return {};
    if (!deletes && now.exists && now.kind == env::FileKind::regular)
        return failure(std::errc::file_exists, store.absolute(path) + " is a regular file, so it cannot become a key");
    return write_locally(path, value, now);
}

result<void> Tree::set(std::string_view path, std::string_view value) {
    return state_->put(path, value, false);
}

result<void> Tree::touch(std::string_view path, std::string_view value) {
    return state_->put(path, value, true);
}

result<void> Tree::remove(std::string_view path) {
    return state_->put(path, kDeleted, false);
}

result<bool> Tree::apply(std::string_view key, std::string_view value, Stamp stamp, std::string_view from) {
    MARS_TRY_VOID(check_path(key));
    MARS_TRY_VOID(check_value(value));
    if (stamp.sec < 0 || !state_->lamport.is_legal(stamp))
        return failure(std::errc::result_out_of_range, "the stamp " + stamp.text() + " of '" + std::string(key) +
                                                           "' is illegal; look at the system clock of its writer");
    const std::string path(key);
    state_->take_events();
    MARS_TRY(const auto now, state_->known(path));
    const bool deletes = value == kDeleted;
    if (!now.exists && deletes) return false; // D3
    // M3. Of two hosts that write at the same stamp (while the cluster's clock is ahead of theirs that is no rare
    // chance), all must prefer the same one: the value that is greater.
    if (now.link && std::pair(stamp, value) <= std::pair(now.link->stamp, std::string_view(now.link->value)))
        return false;
    if (now.exists && now.kind == env::FileKind::regular) { // D4, M6
        if (!(stamp > now.mtime) || may_hold_user_data(path)) return false;
    } else if (now.exists && !now.link && !deletes) {
        return false; // a directory or device; D5 allows only the marker there
    }
    return state_->write(path, value, stamp, from);
}

Subscription Tree::subscribe(std::string prefix, Listener changed) {
    auto forget_origin = [changed = std::move(changed)](const std::string& path, std::string_view) { changed(path); };
    return state_->subscribers->add(std::move(prefix), std::move(forget_origin));
}

Subscription Tree::subscribe(std::string prefix, env::Event& event) {
    return state_->subscribers->add(std::move(prefix),
                                    [&event](const std::string&, std::string_view) { event.notify(); });
}

Subscription Tree::observe(Observer changed) {
    return state_->subscribers->add({}, std::move(changed));
}

LamportClock& Tree::lamport() {
    return state_->lamport;
}

const std::string& Tree::root() const {
    return state_->store.root();
}

std::string Tree::absolute(std::string_view path) const {
    return state_->store.absolute(path);
}

env::task<result<void>> Tree::sync() {
    co_return co_await state_->env.storage().sync_filesystem(state_->store.root());
}

} // namespace mars::tree
