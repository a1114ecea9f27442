// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/state/state.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/split_brain.hpp"

namespace mars::macros {

namespace {

// The last run of digits of a build tag, at its end or before an opening parenthesis.
std::optional<std::int64_t> build_number(std::string_view tag) {
    tag = tag.substr(0, tag.find('('));
    auto begin = tag.find_last_not_of("0123456789");
    return parse_number<std::int64_t>(tag.substr(begin == std::string_view::npos ? 0 : begin + 1));
}

constexpr std::array<std::string_view, kPredefinedEnd - kRes> kVariables{
    "res",     "resdir",    "mars",   "host",          "real_host",         "ip",
    "timeout", "threshold", "window", "stuck-seconds", "keep-backup-hours", "keep-backup-seconds",
    "force",   "dry-run",   "verbose"};

constexpr std::int64_t kEndless = std::int64_t{1} << 40; // seconds

constexpr std::int64_t kLastBuildWithoutDeviceLink = 97;

bool is_mentioned(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        auto end = list.find('+');
        if (list.substr(0, end) == name) return true;
        if (end == std::string_view::npos) break;
        list.remove_prefix(end + 1);
    }
    return false;
}

} // namespace

State::State(const Context& context)
    : context_(context), wait_budget_(context.options.timeout < 0 ? kEndless : context.options.timeout) {}

std::span<const std::string_view> State::variables() const {
    return kVariables;
}

void State::begin(std::string_view resource) {
    Environment& env = evaluator_->env();
    const Options& options = context_.options;
    env.assign(kRes, resource);
    env.assign(kResdir, context_.mars_dir + "/resource-" + std::string(resource));
    env.assign(kMars, context_.mars_dir);
    env.assign(kHost, context_.host);
    env.assign(kRealHost, context_.real_host.empty() ? context_.host : context_.real_host);
    env.assign(kIp, context_.ip.empty() ? view().value("ips/ip-" + context_.host) : context_.ip);
    env.touch(kTimeout).set(options.timeout);
    env.touch(kThreshold).set(options.threshold);
    env.touch(kWindow).set(options.window);
    env.touch(kStuckSeconds).set(options.stuck_seconds);
    env.touch(kKeepBackupHours).set(options.keep_backup_hours);
    env.touch(kKeepBackupSeconds).set(options.keep_backup_hours * 3600);
    env.touch(kForce).set(options.force);
    env.touch(kDryRun).set(options.dry_run);
    env.touch(kVerbose).set(options.verbose);
}

std::string State::host() const {
    return evaluator_->env().text(kHost);
}
std::string State::resource() const {
    return evaluator_->env().text(kRes);
}

std::optional<std::string> State::below_tree(std::string_view path) const {
    // The usual name means the tree wherever that is.
    std::string_view root = context_.mars_dir;
    if (!path.starts_with(root)) root = "/mars";
    if (!path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (path.empty()) return "";
    if (path.front() != '/') return std::nullopt;
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    return std::string(path);
}

std::string State::in_resource(std::string_view key) const {
    std::string directory = evaluator_->env().text(kResdir);
    return below_tree(directory).value_or(directory) + "/" + std::string(key);
}

std::string State::in_named_resource(std::string_view key) const {
    return tree::resource_key(resource(), key);
}

std::string State::checked(const std::string& path) const {
    auto value = view().raw_value(path);
    if (!value) warn_missing(path);
    return value && *value != tree::kDeleted ? std::move(*value) : std::string();
}

// Without a resource nobody expects its links.
void State::warn_missing(const std::string& path) const {
    if (path.starts_with("resource-/")) return;
    evaluator_->warn(missing_text(path));
}

std::string State::missing_text(const std::string& path) const {
    return "cannot read symlink '" + context_.mars_dir + "/" + path + "'";
}

Stamp State::system_time() const {
    return context_.now ? *context_.now : context_.outside.system_time();
}

Stamp State::now() const {
    if (context_.now) return *context_.now;
    if (auto lamport = context_.outside.lamport_time()) return *lamport;
    return {context_.outside.system_time().sec, 0};
}

tree::Looker State::looker() const {
    const auto& real = context_.real_host;
    return {real.empty() ? context_.host : real, system_time(), std::chrono::seconds(context_.options.fresh)};
}

std::string State::heard_time(const std::string& host, std::string stamp) const {
    const auto time = Stamp::parse(stamp);
    if (!time || !(*time > system_time())) return stamp;
    const auto received = optional("actual-" + host + "/read-time");
    return received.empty() ? stamp : received;
}

bool State::is_recent(std::string_view stamp) const {
    return is_within_window(stamp, now());
}

// Real time only: the Lamport time moves with every stamp that has been read, and may stand still for days.
bool State::is_heard(const std::string& host, std::string stamp) const {
    return is_within_window(heard_time(host, std::move(stamp)), system_time());
}

bool State::is_within_window(std::string_view stamp, Stamp until) const {
    if (stamp.empty() || stamp.front() < '0' || stamp.front() > '9') return false;
    auto window = evaluator_->env().find(kWindow);
    Number limit = Number::parse(stamp) + (window ? window->value.number() : Number());
    return limit >= Number::parse(until.text());
}

std::vector<std::string> State::peers() const {
    auto present = view().suffixes("ips", "ip-");
    std::set<std::string> all(present.begin(), present.end());
    // Deleted links are not listed, but their hosts have left other traces.
    for (auto& host : view().suffixes("", "actual-"))
        if (view().raw_value("ips/ip-" + host)) all.insert(host);
    std::vector<std::string> sorted(all.begin(), all.end());
    std::sort(sorted.begin(), sorted.end(), natural_less);
    return sorted;
}

bool State::is_deleted_peer(const std::string& host) const {
    return !view().has("ips/ip-" + host);
}

bool State::is_related(const std::string& resource, const std::string& host) const {
    for (auto* prefix : {"device-", "data-", "replay-"})
        if (view().has(tree::resource_key(resource, prefix + host))) return true;
    return false;
}

bool State::is_member(const std::string& resource, const std::string& host) const {
    return view().has(tree::resource_key(resource, "data-" + host)) ||
           view().has(tree::resource_key(resource, "replay-" + host));
}

bool State::is_guest(const std::string& resource, const std::string& host) const {
    if (is_member(resource, host)) return false;
    bool prosumer = view().has(tree::resource_key(resource, "device-" + host)) &&
                    view().flag(tree::resource_key(resource, "actual-" + host + "/prosumer-on"));
    return prosumer || is_mentioned(view().value(tree::resource_key(resource, "todo-" + host + "/exports")), host);
}

std::vector<std::string> State::members() const {
    std::vector<std::string> found;
    for (auto& host : peers())
        if (is_member(resource(), host)) found.push_back(host);
    return found;
}

Flow State::designated_primary(std::string& host) {
    std::string path = in_named_resource("primary");
    auto value = view().raw_value(path);
    bool names_one = value && *value != tree::kDeleted && *value != tree::kNone;
    host = names_one ? *value : std::string();
    if (value) return Flow::normal;
    if (evaluator_->compat()) return evaluator_->fail(missing_text(path));
    warn_missing(path);
    return Flow::normal;
}

bool State::is_local() const {
    return evaluator_->env().text(kHost) == evaluator_->env().text(kRealHost);
}

std::string State::device_path() const {
    std::string name = checked(in_resource("device-" + host()));
    return "/dev/mars/" + (name.empty() || name == tree::kNone ? resource() : name);
}

std::string State::device_present() {
    auto& outside = evaluator_->outside();
    auto block_device = [&] { return outside.kind(device_path()) == Outside::FileKind::block_device ? "1" : "0"; };
    std::string actual = in_resource("actual-" + host() + "/");
    auto build = build_number(view().value("actual-" + host() + "/buildtag"));
    if (is_local() && build && *build <= kLastBuildWithoutDeviceLink) return block_device();
    auto on = view().get(actual + "if-on"), old = view().get(actual + "device-" + host());
    bool use_old = old && !old->value.empty() && (!on || on->value.empty() || on->stamp < old->stamp);
    std::string value = use_old ? old->value : on ? on->value : "";
    if (!value.empty()) return value;
    if (!is_local() || resource().empty()) return "";
    evaluator_->warn("no information about the device, looking at '" + device_path() + "'");
    return block_device();
}

const tree::LogProgress& State::positions() {
    std::string directory = in_resource("");
    std::string key = directory + " " + host();
    auto known = positions_.find(key);
    if (known == positions_.end())
        known =
            positions_
                .emplace(key, tree::log_progress(view(), directory, host(), checked(directory + "replay-" + host())))
                .first;
    return known->second;
}

bool State::is_split_brain() {
    std::string directory = in_resource("");
    auto known = split_.find(directory);
    if (known == split_.end()) known = split_.emplace(directory, find_split(directory)).first;
    return !known->second.empty();
}

std::string State::split_report() {
    return is_split_brain() ? split_.at(in_resource("")) : std::string();
}

// What speaks for a split brain of the resource; empty when nothing does.
std::string State::find_split(const std::string& directory) const {
    std::vector<format::HostPosition> hosts;
    std::vector<format::LogName> logs;
    std::string parent = directory.substr(0, directory.size() - 1);
    for (auto& name : view().names(parent, "log-"))
        if (auto log = format::LogName::parse(name)) logs.push_back(std::move(*log));
    for (auto& host : view().suffixes(parent, "replay-"))
        if (auto replay = format::ReplayLink::parse(optional(directory + "replay-" + host)))
            hosts.push_back({host, replay->position()});
    auto version = [&](std::int64_t seq, std::string_view host) -> std::optional<std::string> {
        return view().get_value(directory + format::version_key(seq, host));
    };
    auto found = format::find_split_brain(hosts, logs, version).text();
    if (!found.empty()) return found;
    for (auto& host : hosts) { // what only a comparison of the logs themselves shows
        const auto said = optional(directory + "actual-" + host.host + "/msg-err-splitbrain-detected");
        const auto begin = said.find(' ', said.find(' ') + 1); // two stamps, then the text
        if (said != "OK" && begin != std::string::npos)
            found += "seen by " + host.host + ": " + said.substr(begin + 1) + "\n";
    }
    return found;
}

void State::forget() {
    positions_.clear();
    split_.clear();
}

} // namespace mars::macros
