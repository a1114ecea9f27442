// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/macro/macro_outside.hpp"

#include "kernel/base/number.hpp"
#include "shell/local/symlinks.hpp"
#include "shell/local/trust.hpp"

namespace mars::shell {

namespace {
constexpr std::size_t kFileBytes = std::size_t{16} << 20;
constexpr std::uint64_t kSectorBytes = 512;
constexpr Duration kBetweenPauses = std::chrono::milliseconds(50);
} // namespace

// The local marsd is judged by its age; another host's by what it has said last, for nobody asked it to be alive here.
bool MacroOutside::engine_running() {
    auto alive = ctx_.view().get("actual-" + ctx_.me() + "/alive");
    if (!alive || !alive->value.starts_with('1')) return false;
    auto now = ctx_.options().now.value_or(ctx_.env().clock().now());
    return ctx_.me() != ctx_.self() || now - alive->stamp < ctx_.options().window;
}

result<void> MacroOutside::sleep(std::int64_t seconds) {
    if (!fiber_) return failure(std::errc::operation_not_supported, "waiting is not possible here");
    if (!refused_) {
        wanted_sleep_ = std::chrono::seconds(seconds);
        fiber_->pause();
    }
    if (refused_) return failure(std::errc::operation_canceled, "interrupted");
    return {};
}

// Lets signals in, so that a runaway macro can be interrupted.
bool MacroOutside::may_go_on() {
    const auto now = ctx_.env().clock().steady();
    if (!fiber_ || refused_ || now - last_pause_ < kBetweenPauses) return !refused_;
    wanted_sleep_ = Duration::zero();
    fiber_->pause();
    last_pause_ = ctx_.env().clock().steady();
    return !refused_;
}

namespace {

// What would have been allowed to write: "macro run NAME RES".
std::string writing_verb(const VerbContext& ctx) {
    std::string_view name = ctx.request().spelling;
    name = name.starts_with("view-") ? name.substr(5) : name == "view" ? "default" : "NAME";
    std::string resource = ctx.request().resources;
    if (resource == "all" || resource.find(',') != std::string::npos) resource = "RES";
    return "marsadm " + (ctx.options().macro ? std::string("--macro=TEXT ") : std::string()) + "macro run " +
           std::string(name) + (resource.empty() ? "" : " " + resource);
}

} // namespace

result<void> MacroOutside::set_link(const std::string& value, const std::string& path) {
    if (!may_write_)
        return failure(std::errc::operation_not_permitted,
                       "%setlink is refused: it would set " + path + ", and '" + ctx_.request().spelling +
                           "' only evaluates macros, it writes nothing; next: " + writing_verb(ctx_) +
                           ", if that is wanted");
    for (std::string_view root : {std::string_view(ctx_.view().root()), std::string_view("/mars")}) {
        std::string_view below = path;
        if (!below.starts_with(root) || below.size() <= root.size() + 1 || below[root.size()] != '/') continue;
        ctx_.set(std::string(below.substr(root.size() + 1)), value);
        return {};
    }
    return failure(std::errc::operation_not_permitted,
                   "%setlink only makes links below " + ctx_.view().root() + ", not " + path);
}

std::optional<std::string> MacroOutside::read_file(const std::string& path) {
    if (!accepts_all_ && path.ends_with(".tpl") && !may_use("macro file", path)) return std::nullopt;
    auto content = ctx_.env().storage().read_file(path, kFileBytes);
    return content ? std::optional(std::move(*content)) : std::nullopt;
}

macros::Outside::FileKind MacroOutside::kind(const std::string& path) {
    auto known = kinds_.find(path);
    if (known == kinds_.end()) known = kinds_.emplace(path, find_kind(path)).first;
    return known->second;
}

macros::Outside::FileKind MacroOutside::find_kind(const std::string& path) {
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
