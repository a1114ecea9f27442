// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/disk.hpp"

#include <algorithm>

#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/local/symlinks.hpp"
#include "shell/words/size.hpp"

namespace mars::shell {

namespace {

constexpr std::uint64_t kLeastBytes = 65536; // a disk must be larger

failure not_a_disk(const std::string& path, const std::string& why) {
    return refusal("disk.missing", "'" + path + "' is no usable disk: " + why +
                                       "; expected is the absolute path of a block device or of a regular file");
}

// Two paths lead to one store: the same node, two loop devices over one file or one over the other, two nodes with one
// WWID, serial number or UUID. (Inode numbers are unique in one filesystem only.)
bool same_store(const env::Storage& storage, const std::string& one, const std::string& other) {
    if (one == other) return true;
    const auto first = storage.identity(one), second = storage.identity(other);
    return (first == second && !first.empty() && !first.starts_with("inode=")) || first == "loop=" + other ||
           second == "loop=" + one;
}

struct OtherUser {
    std::string resource, disk;
};

// The other resource of ME whose replica is on the same disk.
std::optional<OtherUser> other_user(VerbContext& ctx, const std::string& real_path) {
    for (const auto& resource : all_resources(ctx.view())) {
        auto data = ctx.view().get(tree::resource_key(resource, "data-" + ctx.me()));
        if (!data || resource == ctx.resource()) continue;
        auto real = resolve_symlinks(ctx.env().storage(), data->value);
        if (same_store(ctx.env().storage(), real_path, real ? *real : data->value))
            return OtherUser{resource, data->value};
    }
    return std::nullopt;
}

// `real`: behind all symlinks. `path`: as given.
env::task<result<std::unique_ptr<env::File>>> open_disk(VerbContext& ctx, std::string path, std::string real,
                                                        env::FileKind kind) {
    env::OpenMode mode;
    mode.write = true;
    mode.exclusive = kind == env::FileKind::block_device;
    auto file = co_await ctx.env().storage().open(real, mode);
    if (file) co_return std::move(*file);
    if (!file.error().is(std::errc::device_or_resource_busy)) co_return not_a_disk(path, file.error().text);
    MARS_CO_TRY_VOID(
        ctx.overridable("disk.busy", "the disk " + path + " is in use on host " + ctx.self() +
                                         " (it cannot be opened exclusively): is it mounted, swap, or part of "
                                         "something else? (lsblk " +
                                         path + " tells)"));
    auto readable = co_await ctx.env().storage().open(real, env::OpenMode());
    if (!readable) co_return not_a_disk(path, readable.error().text);
    co_return std::move(*readable);
}

result<std::uint64_t> usable_size(VerbContext& ctx, const std::string& path, std::uint64_t capacity,
                                  const std::string& size) {
    if (size.empty()) {
        auto rounded = capacity / kSizeUnit * kSizeUnit;
        if (rounded != capacity)
            ctx.out().hint(ctx.label("the last " + std::to_string(capacity - rounded) + " bytes of " + path +
                                     " are not used: sizes are multiples of 4096"));
        return rounded;
    }
    auto wanted = parse_size(size);
    if (!wanted || *wanted % kSizeUnit != 0 || *wanted == 0)
        return refusal("usage.size", "'" + size + "' is no size: expected a multiple of 4096 bytes such as 1G or 500M");
    if (*wanted > capacity)
        return refusal("disk.size", "the disk " + path + " has " + size_text(capacity) + ", less than the wanted " +
                                        size_text(*wanted));
    return *wanted;
}

} // namespace

env::task<result<Disk>> examine_disk(VerbContext& ctx, std::string path, std::string size) {
    if (!path.starts_with('/'))
        co_return not_a_disk(path, parse_size(path) ? "a size alone is not possible in this version, make a file with "
                                                      "truncate -s SIZE FILE first"
                                                    : "the path is not absolute");
    if (path.find_first_of(" \t\n") != std::string::npos) co_return not_a_disk(path, "the path contains blanks");
    auto real = resolve_symlinks(ctx.env().storage(), path);
    if (!real) co_return not_a_disk(path, real.error().text);
    auto status = ctx.env().storage().status(*real);
    if (!status) co_return not_a_disk(path, status.error().text);
    if (status->kind != env::FileKind::block_device && status->kind != env::FileKind::regular)
        co_return not_a_disk(path, "it is neither a block device nor a regular file");
    if (auto other = other_user(ctx, *real))
        MARS_CO_TRY_VOID(ctx.overridable(
            "disk.busy", "the disk " + path +
                             (path == other->disk ? "" : ", which is the same as " + other->disk + ",") +
                             " holds the replica of resource " + other->resource + " on host " + ctx.me() +
                             " already; take another one"));
    MARS_CO_TRY(auto file, co_await open_disk(ctx, path, *real, status->kind));
    auto capacity = file->size();
    if (!capacity) co_return not_a_disk(path, capacity.error().text);
    Disk disk;
    disk.path = std::move(path);
    MARS_CO_TRY(disk.size, usable_size(ctx, disk.path, *capacity, size));
    if (disk.size <= kLeastBytes)
        co_return refusal("disk.size", "the disk " + disk.path + " has " + size_text(disk.size) + ", more than " +
                                           size_text(kLeastBytes) + " are needed");
    ctx.out().info(ctx.label("the disk " + disk.path + " has " + size_text(disk.size)));
    co_return disk;
}

result<void> check_device_name(VerbContext& ctx, const std::string& name) {
    MARS_TRY_VOID(check_new_name(ctx, "device", name));
    for (const auto& resource : all_resources(ctx.view())) {
        auto used = ctx.view().value(tree::resource_key(resource, "device-" + ctx.me()));
        if (used != name || resource == ctx.resource()) continue;
        auto text = "the device name " + name + " is used by the resource " + resource + " on host " + ctx.me();
        if (has_storage(ctx.view(), resource, ctx.me()))
            return refusal("device.name", text + "; next: give another name after the disk");
        ctx.out().warning(ctx.label(text));
    }
    for (const auto& host : hosts_of(ctx.view(), ctx.resource()))
        if (auto other = ctx.view().value(ctx.key("device-" + host)); other != name)
            ctx.out().warning(ctx.label("the device is called " + other + " on host " + host + ", not " + name));
    return {};
}

} // namespace mars::shell
