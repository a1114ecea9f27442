// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/macro_outside.hpp"

#include "kernel/base/number.hpp"
#include "shell/disk.hpp"

namespace mars::shell {

namespace {
constexpr std::size_t kFileBytes = std::size_t{16} << 20;
constexpr std::uint64_t kSectorBytes = 512;
} // namespace

std::optional<std::string> MacroOutside::read_file(const std::string& path) {
    auto content = ctx_.env().storage().read_file(path, kFileBytes);
    return content ? std::optional(std::move(*content)) : std::nullopt;
}

macros::Outside::FileKind MacroOutside::kind(const std::string& path) {
    auto& storage = ctx_.env().storage();
    auto real = resolve_symlinks(storage, path);
    auto status = real ? storage.status(*real) : result<env::FileStatus>(real.error());
    if (!status) return FileKind::missing;
    switch (status->kind) {
    case env::FileKind::regular:
        return FileKind::regular;
    case env::FileKind::directory:
        return FileKind::directory;
    case env::FileKind::block_device:
        return FileKind::block_device;
    case env::FileKind::symlink:
    case env::FileKind::other:
        return FileKind::other;
    }
    return FileKind::other;
}

std::optional<std::string> MacroOutside::read_link(const std::string& path) {
    auto link = ctx_.env().storage().read_symlink(path);
    return link ? std::optional(std::move(link->value)) : std::nullopt;
}

std::vector<std::string> MacroOutside::list(const std::string& directory) {
    std::vector<std::string> names;
    auto entries = ctx_.env().storage().list(directory);
    if (!entries) return names;
    for (auto& entry : *entries) names.push_back(std::move(entry.name));
    return names;
}

std::optional<std::uint64_t> MacroOutside::device_size(const std::string& path) {
    auto& storage = ctx_.env().storage();
    auto real = resolve_symlinks(storage, path);
    if (!real) return std::nullopt;
    auto status = storage.status(*real);
    if (status && status->kind == env::FileKind::regular) return status->size;
    // The kernel tells the size of a block device without opening it.
    auto text = storage.read_file("/sys/class/block/" + real->substr(real->rfind('/') + 1) + "/size", 64);
    if (!text) return std::nullopt;
    auto sectors = parse_number<std::uint64_t>(std::string_view(*text).substr(0, text->find('\n')));
    return sectors ? std::optional(*sectors * kSectorBytes) : std::nullopt;
}

} // namespace mars::shell
