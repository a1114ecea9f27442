// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/context.hpp"

#include <algorithm>

#include "kernel/tree/heard.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::shell {

VerbContext::VerbContext(Surroundings& surroundings, tree::DiskView& view, const Request& request,
                         std::vector<std::string> resources, std::string resource)
    : surroundings_(surroundings), view_(view), request_(request), self_(surroundings.env.hostname()),
      me_(request.options.host.empty() ? self_ : request.options.host), resources_(std::move(resources)),
      resource_(std::move(resource)) {}

const std::string& VerbContext::argument(std::size_t i) const {
    static const std::string nothing;
    return i < request_.arguments.size() ? request_.arguments[i] : nothing;
}

std::string VerbContext::key(std::string_view rest) const {
    return tree::resource_key(resource_, rest);
}

std::string VerbContext::todo(std::string_view host, std::string_view name) const {
    return key("todo-" + std::string(host) + "/" + std::string(name));
}

std::string VerbContext::actual(std::string_view host, std::string_view name) const {
    return key("actual-" + std::string(host) + "/" + std::string(name));
}

bool VerbContext::is_marsd_running() const {
    auto alive = view_.get("actual-" + self_ + "/alive");
    const auto heard = tree::heard_at(view_, self_, surroundings_.env.clock().now());
    return alive && alive->value.starts_with('1') && heard && age(*heard) < options().window;
}

Duration VerbContext::age(Stamp stamp) const {
    return surroundings_.env.clock().now() - stamp;
}

Duration VerbContext::link_age(const std::string& path, const tree::Link& link) {
    const auto seen = first_seen_.try_emplace({path, link.stamp}, env().clock().steady()).first->second;
    return std::max(age(link.stamp), env().clock().steady() - seen);
}

void VerbContext::queue(Effect effect) {
    std::erase_if(effects_, [&](const Effect& e) { return e.path == effect.path; });
    effects_.push_back(std::move(effect));
}

void VerbContext::set(std::string path, std::string value, std::optional<Stamp> stamp) {
    Effect effect(Effect::Kind::key, std::move(path), std::move(value));
    effect.stamp = stamp;
    queue(std::move(effect));
}

void VerbContext::remove(std::string path) {
    if (tree::may_hold_user_data(path) && view_.file(path)) {
        out().warning(label(view_.absolute(path) + " holds a replica's data and is left in place; remove it by hand"));
        return;
    }
    if (view_.get(path) || view_.file(path)) set(std::move(path), std::string(tree::kDeleted));
}

void VerbContext::make_directory(std::string path) {
    queue({Effect::Kind::directory, std::move(path), {}});
}

void VerbContext::make_empty_file(std::string path) {
    queue({Effect::Kind::file, std::move(path), {}});
}

void VerbContext::unlink(std::string path) {
    queue({Effect::Kind::unlink, std::move(path), {}});
}

void VerbContext::describe(const Effect& effect) {
    const bool dry = is_dry_run();
    if (!dry && options().verbose < 1) return;
    auto path = view_.absolute(effect.path);
    switch (effect.kind) {
    case Effect::Kind::key:
        if (effect.value == tree::kDeleted)
            out().info((dry ? "would delete " : "deleting ") + path);
        else
            out().info((dry ? "would set " : "setting ") + path + " = " + effect.value);
        return;
    case Effect::Kind::directory:
        if (dry || options().verbose > 1)
            out().info((dry ? "would make the directory " : "making the directory ") + path);
        return;
    case Effect::Kind::file:
        out().info((dry ? "would make the empty file " : "making the empty file ") + path);
        return;
    case Effect::Kind::unlink:
        out().info((dry ? "would remove " : "removing ") + path);
        return;
    }
}

void VerbContext::drop_pending() {
    effects_.clear();
    told_later_.clear();
}

void VerbContext::tell(const std::vector<std::string>& lines) const {
    if (is_dry_run()) return;
    for (const auto& line : lines) out().info(line);
}

env::task<result<void>> VerbContext::commit(std::optional<Stamp> stamp) {
    std::function<result<void>()> always = [] { return result<void>(); };
    auto committed = co_await commit_if(std::move(always), stamp);
    co_return committed;
}

env::task<result<void>> VerbContext::commit_if(std::function<result<void>()> still, std::optional<Stamp> stamp) {
    auto effects = std::exchange(effects_, {});
    const auto told_later = std::exchange(told_later_, {});
    for (const auto& effect : effects) describe(effect);
    if (!effects.empty() && !is_dry_run()) {
        MARS_CO_TRY(auto lock, co_await local().lock(view_.root()));
        read_before(effects);
        MARS_CO_TRY_VOID(still());
        MARS_CO_TRY_VOID(co_await apply(std::move(effects), stamp));
    }
    tell(told_later);
    co_return result<void>();
}

// Reading advances the Lamport clock: what is written must be newer than what stands there and than marsd's clock.
void VerbContext::read_before(const std::vector<Effect>& effects) {
    (void)view_.raw("actual-" + self_ + "/time");
    for (const auto& effect : effects) {
        (void)view_.raw(effect.path);
        (void)view_.raw(effect.path.substr(0, effect.path.find('/'))); // the marker of a deleted directory
    }
}

env::task<result<void>> VerbContext::apply(std::vector<Effect> effects, std::optional<Stamp> stamp) {
    const Stamp common = stamp ? *stamp : view_.lamport().tick();
    // After a failure or an interruption only what is found to stand there counts as changed.
    struct Record {
        Record(VerbContext& context, const std::vector<Effect>& batch, Stamp stamp_of_batch)
            : ctx(context), lot(context.env().lot()), all(batch), common(stamp_of_batch) {}
        ~Record() {
            if (lot.abandoned()) return; // a crashed (simulated) host: the context may be gone already
            for (const auto& effect : all)
                if (is_complete || stands(effect)) ctx.changed_.push_back(effect.path);
        }
        bool stands(const Effect& effect) const {
            if (effect.kind == Effect::Kind::key) {
                const auto link = ctx.view_.raw(effect.path);
                return link && link->value == effect.value && link->stamp >= effect.stamp.value_or(common);
            }
            const bool exists = ctx.env().storage().status(ctx.view_.absolute(effect.path)).has_value();
            return exists == (effect.kind != Effect::Kind::unlink);
        }
        VerbContext& ctx;
        env::ParkingLot& lot;
        const std::vector<Effect>& all;
        const Stamp common;
        bool is_complete = false;
    } record(*this, effects, common);
    std::vector<tree::DiskView::Change> keys;
    for (const auto& effect : effects) {
        if (effect.kind == Effect::Kind::key) {
            keys.push_back({effect.path, effect.value, effect.stamp.value_or(common)});
            continue;
        }
        auto before = std::exchange(keys, {});
        if (!before.empty()) MARS_CO_TRY_VOID(co_await view_.commit(std::move(before)));
        MARS_CO_TRY_VOID(co_await apply_one(effect));
    }
    if (!keys.empty()) MARS_CO_TRY_VOID(co_await view_.commit(std::move(keys)));
    record.is_complete = true;
    co_return result<void>();
}

env::task<result<void>> VerbContext::apply_one(const Effect& effect) {
    auto& storage = env().storage();
    auto path = view_.absolute(effect.path);
    if (effect.kind == Effect::Kind::unlink) {
        auto removed = storage.remove(path);
        if (!removed && !removed.error().is(std::errc::no_such_file_or_directory)) co_return removed;
        co_return result<void>();
    }
    for (auto slash = path.find('/', view_.root().size() + 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        MARS_CO_TRY_VOID(storage.make_directory(path.substr(0, slash)));
    // A directory or a file may have to replace the marker of its deletion.
    if (auto old = view_.raw(effect.path); old && old->value == tree::kDeleted) MARS_CO_TRY_VOID(storage.remove(path));
    if (effect.kind == Effect::Kind::directory) co_return storage.make_directory(path);
    env::OpenMode mode;
    mode.write = mode.create = true;
    MARS_CO_TRY(auto file, co_await storage.open(path, mode));
    co_return co_await storage.sync_directory(path.substr(0, path.rfind('/')));
}

void VerbContext::set_irrevocable(bool is_irrevocable) {
    if (is_irrevocable == is_irrevocable_) return;
    is_irrevocable_ = is_irrevocable;
    if (surroundings_.count_irrevocable) surroundings_.count_irrevocable(is_irrevocable ? 1 : -1);
}

result<void> VerbContext::overridable(Reason reason, std::string text) {
    if (!is_forced()) return refusal(reason, std::move(text));
    out().warning(label(text) + " (ignored because of --force)");
    return {};
}

void VerbContext::detail(int level, std::string_view text) const {
    if (options().verbose >= level) out().info(label(text));
}

std::string VerbContext::label(std::string_view text) const {
    return resource_.empty() ? std::string(text) : "resource " + resource_ + ": " + std::string(text);
}

} // namespace mars::shell
