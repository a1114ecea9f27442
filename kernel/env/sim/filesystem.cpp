// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/filesystem.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kNameCost = 256; // what one name uses of the capacity

std::string parent_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

void put(std::vector<std::byte>& content, std::uint64_t offset, std::span<const std::byte> data) {
    if (content.size() < offset + data.size()) content.resize(offset + data.size());
    std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void replay(std::vector<std::byte>& content, const Inode::Write& write) {
    if (write.resized)
        content.resize(write.offset);
    else
        put(content, write.offset, write.data);
}

} // namespace

Filesystem::Filesystem(World& world, std::string machine) : world_(world), machine_(std::move(machine)) {
    Node root;
    root.kind = FileKind::directory;
    root.number = new_number();
    for (const char* path : {"/", "/mars", "/disks", "/tmp", "/run", "/run/mars", "/dev", "/dev/mars"})
        current_[path] = durable_[path] = root;
}

std::shared_ptr<Inode> Filesystem::add_disk(const std::string& path, std::uint64_t size, bool block_device) {
    auto inode = std::make_shared<Inode>();
    inode->number = new_number();
    inode->current.resize(size);
    inode->durable.resize(size);
    inode->is_device = block_device;
    Node node;
    node.kind = block_device ? FileKind::block_device : FileKind::regular;
    node.inode = inode;
    node.number = inode->number;
    current_[path] = durable_[path] = node;
    return inode;
}

void Filesystem::pull_disk(const std::string& path) {
    auto node = current_.extract(path);
    if (node.empty()) return;
    node.mapped().inode->is_gone = true;
    durable_.erase(path);
    pulled_[path] = std::move(node.mapped());
}

void Filesystem::plug_disk(const std::string& path) {
    auto pulled = pulled_.extract(path);
    if (pulled.empty()) return;
    auto inode = std::make_shared<Inode>(*pulled.mapped().inode);
    inode->number = new_number();
    inode->is_gone = false;
    tear(*inode);
    pulled.mapped().inode = inode;
    current_[path] = durable_[path] = std::move(pulled.mapped());
}

void Filesystem::set_capacity(const std::string& prefix, std::uint64_t bytes) {
    capacity_prefix_ = prefix + "/";
    capacity_ = bytes;
}

const std::vector<std::byte>* Filesystem::contents(const std::string& path) const {
    auto* node = find(path);
    return node && node->inode ? &node->inode->current : nullptr;
}

const Node* Filesystem::find(const std::string& path) const {
    auto found = current_.find(path);
    return found == current_.end() ? nullptr : &found->second;
}

std::vector<std::string> Filesystem::names_in(const std::string& directory) const {
    const std::string prefix = directory == "/" ? "/" : directory + "/";
    std::vector<std::string> names;
    for (auto it = current_.upper_bound(prefix); it != current_.end() && it->first.starts_with(prefix); ++it)
        if (it->first.find('/', prefix.size()) == std::string::npos) names.push_back(it->first.substr(prefix.size()));
    return names;
}

std::vector<std::pair<std::string, std::string>> Filesystem::links_below(const std::string& prefix) const {
    std::vector<std::pair<std::string, std::string>> links;
    for (auto it = current_.lower_bound(prefix + "/"); it != current_.end() && it->first.starts_with(prefix + "/");
         ++it)
        if (it->second.kind == FileKind::symlink) links.emplace_back(it->first, it->second.target);
    return links;
}

SpaceInfo Filesystem::space() const {
    SpaceInfo info;
    info.total_bytes = capacity_ ? capacity_ : std::uint64_t(100) << 30;
    std::uint64_t used = 0;
    for (auto it = current_.lower_bound(capacity_prefix_); it != current_.end(); ++it) {
        if (!it->first.starts_with(capacity_prefix_)) break;
        used += kNameCost + (it->second.inode ? it->second.inode->current.size() : 0);
    }
    info.available_bytes = info.total_bytes > used ? info.total_bytes - used : 0;
    return info;
}

bool Filesystem::has_space_for(const std::string& path, std::uint64_t more) const {
    if (capacity_ == 0 || !path.starts_with(capacity_prefix_)) return true;
    return space().available_bytes >= more;
}

void Filesystem::apply(NameMap& names, const JournalEntry& entry) {
    if (!entry.moved_from.empty()) names.erase(entry.moved_from);
    if (entry.node)
        names[entry.path] = *entry.node;
    else
        names.erase(entry.path);
}

void Filesystem::record(JournalEntry entry) {
    apply(current_, entry);
    world_.trace(machine_ + ": name " + entry.path + (entry.node ? " = " + entry.node->target : " removed"));
    for (auto& [id, told] : watchers) {
        if (!entry.moved_from.empty()) told(parent_of(entry.moved_from), name_of(entry.moved_from));
        told(parent_of(entry.path), name_of(entry.path));
    }
    journal_.push_back(std::move(entry));
}

result<void> Filesystem::change(Operation operation, const std::string& path, std::optional<Node> node) {
    if (fault)
        if (auto error = fault(operation, path)) return errno_failure(*error, path);
    auto parent = current_.find(parent_of(path));
    if (parent == current_.end()) return errno_failure(ENOENT, path);
    if (parent->second.kind != FileKind::directory) return errno_failure(ENOTDIR, path);
    if (!node && !find(path)) return errno_failure(ENOENT, path);
    if (node && !find(path) && !has_space_for(path, kNameCost)) return errno_failure(ENOSPC, path);
    JournalEntry entry;
    entry.path = path;
    entry.node = std::move(node);
    record(std::move(entry));
    return {};
}

result<void> Filesystem::move(const std::string& from, const std::string& to) {
    if (fault)
        if (auto error = fault(Operation::rename, to)) return errno_failure(*error, to);
    auto* node = find(from);
    if (!node) return errno_failure(ENOENT, from);
    auto* target = find(to);
    if (target && target->kind == FileKind::directory && node->kind != FileKind::directory)
        return errno_failure(EISDIR, to);
    JournalEntry entry;
    entry.path = to;
    entry.node = *node;
    entry.moved_from = from;
    record(std::move(entry));
    return {};
}

result<std::uint64_t> Filesystem::write(Inode& inode, const std::string& path, std::uint64_t offset,
                                        std::span<const std::byte> data) {
    const std::uint64_t end = offset + data.size();
    if (inode.is_device && end > inode.current.size()) return errno_failure(ENOSPC, path);
    if (end > inode.current.size() && !has_space_for(path, end - inode.current.size()))
        return errno_failure(ENOSPC, path);
    Inode::Write write;
    write.number = next_write_++;
    write.offset = offset;
    write.data.assign(data.begin(), data.end());
    replay(inode.current, write);
    inode.unsynced.push_back(std::move(write));
    return next_write_ - 1;
}

result<std::uint64_t> Filesystem::resize(Inode& inode, const std::string& path, std::uint64_t size, Stamp now) {
    if (inode.is_device) return errno_failure(EINVAL, path);
    Inode::Write write;
    write.number = next_write_++;
    write.offset = size;
    write.resized = true;
    replay(inode.current, write);
    inode.unsynced.push_back(std::move(write));
    inode.mtime = now;
    return next_write_ - 1;
}

void Filesystem::make_data_durable(Inode& inode, std::uint64_t mark) {
    auto covered = std::find_if(inode.unsynced.begin(), inode.unsynced.end(),
                                [mark](const Inode::Write& w) { return w.number >= mark; });
    for (auto it = inode.unsynced.begin(); it != covered; ++it) replay(inode.durable, *it);
    inode.unsynced.erase(inode.unsynced.begin(), covered);
}

void Filesystem::make_names_durable(std::size_t mark) {
    if (mark <= journal_base_) return;
    const auto count = std::min(mark - journal_base_, journal_.size());
    for (std::size_t i = 0; i < count; ++i) apply(durable_, journal_[i]);
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(count));
    journal_base_ += count;
}

void Filesystem::tear(Inode& inode) {
    auto& random = world_.random();
    for (auto& write : inode.unsynced) {
        const auto fate = random.below(3);
        if (fate == 0) continue;
        if (fate == 1 || write.resized) {
            replay(inode.durable, write);
            continue;
        }
        for (std::uint64_t at = 0; at < write.data.size(); at += kSector)
            if (random.chance(50)) {
                const auto length = std::min<std::uint64_t>(kSector, write.data.size() - at);
                put(inode.durable, write.offset + at, std::span(write.data).subspan(at, length));
            }
    }
    inode.unsynced.clear();
    inode.current = inode.durable;
    inode.exclusive_openers = 0;
}

NameMap Filesystem::picture() const {
    NameMap copy = current_;
    std::map<Inode*, std::shared_ptr<Inode>> copies;
    for (auto& [path, node] : copy) {
        if (!node.inode) continue;
        auto& inode = copies[node.inode.get()];
        if (!inode) {
            inode = std::make_shared<Inode>(*node.inode);
            inode->durable = inode->current;
            inode->unsynced.clear();
            inode->exclusive_openers = 0;
        }
        node.inode = inode;
    }
    return copy;
}

void Filesystem::restore(const NameMap& picture) {
    journal_base_ += journal_.size();
    journal_.clear();
    watchers.clear();
    current_ = picture;
    current_ = this->picture(); // the picture itself stays as it is
    durable_ = current_;
}

void Filesystem::power_cut() {
    make_names_durable(journal_base_ + world_.random().below(journal_.size() + 1));
    journal_base_ += journal_.size();
    journal_.clear();
    watchers.clear();
    current_ = durable_;
    std::set<Inode*> torn;
    for (auto& [path, node] : current_)
        if (node.inode && torn.insert(node.inode.get()).second) tear(*node.inode);
}

} // namespace mars::env::sim
