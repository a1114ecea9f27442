// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/filesystem.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::size_t kInlineTarget = 59; // bytes of a symlink that ext4 keeps in the inode

std::uint64_t blocks_of(std::uint64_t bytes) {
    return (bytes + kBlock - 1) / kBlock;
}

std::string parent_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

} // namespace

Filesystem::Filesystem(World& world, std::string machine)
    : world_(world), machine_(std::move(machine)), faults_(world) {
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
    inode->tear(world_.random());
    pulled.mapped().inode = inode;
    current_[path] = durable_[path] = std::move(pulled.mapped());
}

const std::vector<std::byte>* Filesystem::contents(const std::string& path) const {
    auto* node = find(path);
    return node && node->inode ? &node->inode->current : nullptr;
}

const Node* Filesystem::find(const std::string& path) const {
    auto found = current_.find(path);
    return found == current_.end() ? nullptr : &found->second;
}

const Node* Filesystem::find_durable(const std::string& path) const {
    auto found = durable_.find(path);
    return found == durable_.end() ? nullptr : &found->second;
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

Faults::Verdict Filesystem::judge(Operation operation, const std::string& path) {
    if (operation == Operation::open) ++opens;
    auto verdict = faults_.is_empty() ? Faults::Verdict() : faults_.judge(operation, path);
    if (fault && verdict.error == 0) verdict.error = fault(operation, path).value_or(0);
    return verdict;
}

// --- space -----------------------------------------------------------------------------------------------------------

void Filesystem::set_capacity(const std::string& prefix, std::uint64_t bytes, std::uint64_t inodes) {
    capacity_prefix_ = prefix;
    limits_.blocks = bytes / kBlock;
    limits_.inodes = inodes;
    has_limits_ = bytes != 0 || inodes != 0;
}

Filesystem::Usage Filesystem::usage_of(const Node& node) {
    Usage used{0, 1};
    if (node.inode)
        used.blocks = blocks_of(node.inode->current.size());
    else if (node.kind == FileKind::directory || node.target.size() > kInlineTarget)
        used.blocks = 1;
    return used;
}

Filesystem::Usage Filesystem::used_below(const std::string& prefix) const {
    Usage sum;
    const auto add = [&sum](const Usage& used) {
        sum.blocks += used.blocks;
        sum.inodes += used.inodes;
    };
    for (auto it = current_.lower_bound(prefix + "/"); it != current_.end(); ++it) {
        if (!it->first.starts_with(prefix + "/")) break;
        add(usage_of(it->second));
    }
    for (auto& weak : nameless_)
        if (auto inode = weak.lock(); inode && inode->openers > 0) add({blocks_of(inode->current.size()), 1});
    return sum;
}

SpaceInfo Filesystem::space(const std::string& path) const {
    SpaceInfo info;
    const bool is_below = has_limits_ && limits_.blocks != 0 && (path + "/").starts_with(capacity_prefix_ + "/");
    if (has_limits_ && (path + "/").starts_with(capacity_prefix_ + "/")) info.available_inodes = free_inodes();
    info.total_bytes = info.available_bytes = is_below ? limits_.blocks * kBlock : std::uint64_t(100) << 30;
    if (!is_below) return info;
    const auto used = used_below(capacity_prefix_).blocks;
    info.available_bytes = limits_.blocks > used ? (limits_.blocks - used) * kBlock : 0;
    return info;
}

std::uint64_t Filesystem::free_inodes() const {
    if (limits_.inodes == 0) return ~std::uint64_t(0);
    const auto used = used_below(capacity_prefix_).inodes;
    return limits_.inodes > used ? limits_.inodes - used : 0;
}

bool Filesystem::has_space_for(const std::string& path, Usage more) const {
    if (!is_limited(path)) return true;
    const auto used = used_below(capacity_prefix_);
    const auto fits = [](std::uint64_t has, std::uint64_t wants, std::uint64_t limit) {
        return limit == 0 || wants == 0 || has + wants <= limit;
    };
    return fits(used.blocks, more.blocks, limits_.blocks) && fits(used.inodes, more.inodes, limits_.inodes);
}

// --- names -----------------------------------------------------------------------------------------------------------

void Filesystem::apply(NameMap& names, const JournalEntry& entry) {
    if (!entry.moved_from.empty()) names.erase(entry.moved_from);
    if (entry.node)
        names[entry.path] = *entry.node;
    else
        names.erase(entry.path);
}

void Filesystem::record(JournalEntry entry) {
    if (const auto* old = find(entry.path); old && old->inode && is_limited(entry.path)) {
        std::erase_if(nameless_, [](const auto& weak) { return weak.expired(); });
        nameless_.push_back(old->inode);
    }
    apply(current_, entry);
    world_.trace(machine_ + ": name " + entry.path + (entry.node ? " = " + entry.node->target : " removed"));
    for (auto& [id, told] : watchers) {
        if (!entry.moved_from.empty()) told(parent_of(entry.moved_from), name_of(entry.moved_from));
        told(parent_of(entry.path), name_of(entry.path));
    }
    if (on_change) on_change(entry.path);
    journal_.push_back(std::move(entry));
}

result<void> Filesystem::change(Operation operation, const std::string& path, std::optional<Node> node) {
    if (const auto error = judge(operation, path).error) return errno_failure(error, path);
    auto parent = current_.find(parent_of(path));
    if (parent == current_.end()) return errno_failure(ENOENT, path);
    if (parent->second.kind != FileKind::directory) return errno_failure(ENOTDIR, path);
    if (!node && !find(path)) return errno_failure(ENOENT, path);
    if (node && !has_space_for(path, usage_of(*node))) return errno_failure(ENOSPC, path);
    JournalEntry entry;
    entry.path = path;
    entry.node = std::move(node);
    record(std::move(entry));
    return {};
}

result<void> Filesystem::move(const std::string& from, const std::string& to) {
    if (const auto error = judge(Operation::rename, to).error) return errno_failure(error, to);
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

// --- data ------------------------------------------------------------------------------------------------------------

result<std::uint64_t> Filesystem::write(Inode& inode, const std::string& path, std::uint64_t offset,
                                        std::span<const std::byte> data) {
    if (inode.is_device && offset + data.size() > inode.current.size()) return errno_failure(ENOSPC, path);
    if (!inode.can_write(offset, data.size())) return errno_failure(EIO, path);
    const auto had = blocks_of(inode.current.size());
    const auto wants = blocks_of(offset + data.size());
    const bool fits = wants <= had || has_space_for(path, {wants - had, 0});
    if (!fits) {
        const auto room = (had + space(path).available_bytes / kBlock) * kBlock;
        data = data.first(std::min<std::size_t>(data.size(), room > offset ? room - offset : 0));
    }
    if (!data.empty() || fits) {
        Inode::Write write;
        write.number = next_write_++;
        write.offset = offset;
        write.data.assign(data.begin(), data.end());
        inode.write(std::move(write));
    }
    if (!fits) return errno_failure(ENOSPC, path);
    return next_write_ - 1;
}

result<std::uint64_t> Filesystem::resize(Inode& inode, const std::string& path, std::uint64_t size, Stamp now) {
    if (inode.is_device) return errno_failure(EINVAL, path);
    Inode::Write write;
    write.number = next_write_++;
    write.offset = size;
    write.resized = true;
    inode.write(std::move(write));
    inode.mtime = now;
    return next_write_ - 1;
}

// --- what lasts ------------------------------------------------------------------------------------------------------

void Filesystem::make_names_durable(std::size_t mark) {
    if (mark <= journal_base_) return;
    const auto count = std::min(mark - journal_base_, journal_.size());
    for (std::size_t i = 0; i < count; ++i) apply(durable_, journal_[i]);
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(count));
    journal_base_ += count;
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
            inode->openers = inode->exclusive_openers = 0;
        }
        node.inode = inode;
    }
    return copy;
}

void Filesystem::restore(const NameMap& picture) {
    journal_base_ += journal_.size();
    journal_.clear();
    watchers.clear();
    nameless_.clear();
    current_ = picture;
    current_ = this->picture(); // the picture itself stays as it is
    durable_ = current_;
}

void Filesystem::power_cut() {
    make_names_durable(journal_base_ + world_.random().below(journal_.size() + 1));
    journal_base_ += journal_.size();
    journal_.clear();
    watchers.clear();
    nameless_.clear();
    current_ = durable_;
    std::set<Inode*> torn;
    for (auto& [path, node] : current_)
        if (node.inode && torn.insert(node.inode.get()).second) node.inode->tear(world_.random());
}

} // namespace mars::env::sim
