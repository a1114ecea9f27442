// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/manager.hpp"

#include <algorithm>

#include "kernel/env/portions.hpp"
#include "kernel/format/link_values.hpp"
#include "kernel/tree/heard.hpp"

namespace mars::resource {

Manager::Manager(env::Env& env, tree::Tree& tree, exports::Provider& exports, Tunables tunables)
    : host_(env, tree, exports, tunables), status_(env, tree), handovers_(env, tree, host_.tunables.is_process_alive),
      exchange_(env, tree, tree::ExchangeOptions{.port = tunables.tree_port}),
      fetch_server_(env, *this,
                    [this](const std::string& resource) -> std::shared_ptr<block::LogSource> {
                        auto controller = find(resource);
                        return controller ? controller->logs() : nullptr;
                    }),
      sync_server_(
          env, *this,
          [this](const std::string& resource) -> std::shared_ptr<block::SyncSource> {
              auto controller = find(resource);
              return controller ? controller->sync_source() : nullptr;
          },
          host_.digests),
      resources_changed_(env), roles_changed_(env), tasks_(env) {
    host_.log_kinds = [this] { return log_kinds_; };
    host_.may_be_designated = [this](const std::string& resource) { return may_be_designated(resource); };
    host_.emergency_level = [this] { return status_.level(); };
    host_.total_bytes = [this] { return status_.total_bytes(); };
    host_.is_reachable = [this](const std::string& host) { return is_reachable(host); };
    host_.has_answered = [this](const std::string& host) { return has_answered(host); };
}

Manager::~Manager() = default;

result<void> Manager::start() {
    started_at_ = host_.env.clock().steady();
    const env::Endpoint logs{"", host_.tunables.log_port};
    const env::Endpoint sync{"", host_.tunables.sync_port};
    exchange_.on_arrival([this](const std::string& host) { look_for_left_sessions(host); });
    MARS_TRY_VOID(exchange_.start());
    MARS_TRY_VOID(fetch_server_.start(logs));
    MARS_TRY_VOID(sync_server_.start(sync));
    status_.take_space(host_.env.storage().space(host_.tree.root())); // nothing is served yet that could wait
    publish_status();
    auto look = [this](const std::string& path) {
        if (path.find("/device-") != std::string::npos) resources_changed_.set();
        if (!path.ends_with("/primary")) return;
        changed_roles_.insert(
            path.substr(std::string_view("resource-").size(), path.find('/') - std::string_view("resource-").size()));
        roles_changed_.set();
    };
    subscription_ = host_.tree.subscribe("resource-", look);
    resources_changed_.set();
    tasks_.spawn("resources", follow_resources());
    tasks_.spawn("roles", follow_roles());
    tasks_.spawn("heartbeat", heartbeat());
    tasks_.spawn("space", measure_space());
    host_.questions.start([this] { return tell_all(true); });
    return {};
}

env::task<void> Manager::stop() {
    shutting_down_ = true;
    for (auto& [name, controller] : controllers_) controller->shut_down();
    while (!controllers_.empty()) {
        resources_changed_.set();
        co_await host_.env.clock().sleep(std::chrono::milliseconds(50));
    }
    co_await tasks_.stop();
    co_await host_.questions.stop();
    co_await tell_all(true);
    if (!host_.has_untold) { // else nobody may rely on it, and waits for an answer
        status_.say_goodbye();
        const auto synced = co_await host_.tree.sync();
        if (synced) co_await beat(true);
    }
    co_await fetch_server_.stop();
    co_await sync_server_.stop();
    co_await exchange_.stop();
}

void Manager::log_counters() const {
    for (const auto& [name, controller] : controllers_)
        if (auto line = controller->write_counters(); !line.empty())
            host_.env.log().info("resource " + name + ": counters " + line);
}

std::string Manager::busy_with() const {
    std::string text;
    for (auto& [name, controller] : controllers_) {
        const auto busy = controller->busy_with();
        if (!busy.empty()) text += (text.empty() ? "" : "; ") + busy;
    }
    return text;
}

// --- resources -------------------------------------------------------------------------------------------------------

env::task<void> Manager::follow_resources() {
    while (true) {
        co_await resources_changed_.wait(host_.tunables.scan_interval);
        co_await adopt_and_drop();
    }
}

// Starts a controller for each resource with a device key of this host; drops those that are at rest and have none.
env::task<void> Manager::adopt_and_drop() {
    for (auto& name : host_.tree.suffixes("", "resource-")) {
        const bool active = host_.tree.get(tree::resource_key(name, "device-" + host_.me())).has_value();
        if (!active || shutting_down_ || controllers_.contains(name)) continue;
        host_.env.log().info("resource " + name + ": begins");
        auto controller = std::make_shared<Controller>(host_, name);
        controller->start();
        controllers_.emplace(name, std::move(controller));
    }
    for (auto it = controllers_.begin(); it != controllers_.end();) {
        auto& controller = *it->second;
        const bool active = host_.tree.get(tree::resource_key(it->first, "device-" + host_.me())).has_value();
        if ((active && !shutting_down_) || !controller.is_at_rest()) {
            ++it;
            continue;
        }
        co_await controller.stop();
        if (!controller.is_at_rest()) { // a round that was under way has begun something
            controller.start();
            ++it;
            continue;
        }
        host_.env.log().info("resource " + it->first + ": ends");
        co_await fetch_server_.disconnect(it->first);
        co_await sync_server_.disconnect(it->first);
        if (!active) WrittenMark(host_.env, host_.tunables.state_directory, it->first).remove();
        it = controllers_.erase(it);
    }
}

// Members wait for what this host has seen of a role: apart from the controllers, whose steps may take long, and also
// of resources that are at rest already.
env::task<void> Manager::follow_roles() {
    while (true) {
        co_await roles_changed_.wait(host_.tunables.scan_interval);
        const auto changed = std::exchange(changed_roles_, {});
        std::vector<std::string> names(changed.begin(), changed.end());
        if (names.empty()) names = host_.tree.suffixes("", "resource-"); // also those that could not be told
        env::Portions portions(host_.env);
        for (const auto& name : names) {
            if (auto controller = find(name))
                co_await controller->tell_role();
            else if (host_.tree.has(tree::resource_key(name, "data-" + host_.me())))
                co_await tell_role_at_rest(name);
            if (portions.is_over()) co_await portions.next();
        }
    }
}

env::task<void> Manager::tell_role_at_rest(std::string name) {
    const auto key = tree::resource_key(name, "actual-" + host_.me() + "/primary-seen");
    RoleNote note(host_.tree, ResourceView(host_.tree, name), host_.tree.value(key));
    const auto is_free = [this, &name] { return !find(name); };
    auto noted = co_await note.renew(is_free);
    if (noted && is_free() && !note.seen().empty()) noted = host_.tree.set(key, note.seen());
    if (!noted) host_.env.log().warning("resource " + name + ": " + noted.error().text);
}

// Sessions that rest would not notice for a minute that their peer was switched off and on again.
void Manager::look_for_left_sessions(const std::string& host) {
    fetch_server_.ask_for_signs(host);
    sync_server_.ask_for_signs(host);
    for (auto& [name, controller] : controllers_) controller->ask_for_sign(host);
}

std::shared_ptr<Controller> Manager::find(const std::string& resource) const {
    auto found = controllers_.find(resource);
    return found == controllers_.end() ? nullptr : found->second;
}

// --- heartbeat -------------------------------------------------------------------------------------------------------

env::task<void> Manager::heartbeat() {
    while (true) {
        handovers_.look();
        co_await beat(false);
        co_await host_.env.clock().sleep(host_.tunables.report_interval);
    }
}

// Apart from the heartbeat, which a filesystem that does not answer must not stop.
env::task<void> Manager::measure_space() {
    while (true) {
        co_await status_.measure_space();
        co_await host_.env.clock().sleep(host_.tunables.report_interval);
    }
}

// Positions first: who sees this heartbeat may rely on having seen all positions that were true when it was made (M9).
env::task<void> Manager::beat(bool is_shutting_down) {
    co_await tell_all(false);
    publish_status();
    status_.beat(is_shutting_down);
}

env::task<void> Manager::tell_all(bool is_asked) {
    std::vector<std::shared_ptr<Controller>> all; // one may end while another one publishes
    for (auto& [name, controller] : controllers_) all.push_back(controller);
    env::Portions portions(host_.env);
    for (auto& controller : all) {
        co_await controller->tell(is_asked);
        if (portions.is_over()) co_await portions.next();
    }
}

// 4.2: after the start nobody becomes primary before its peers had the chance to tell of a newer one: the members of
// the resource, who alone can be primary. A host that has nothing to do with it keeps nobody waiting.
bool Manager::may_be_designated(const std::string& resource) {
    if (unguarded_.contains(resource)) return true;
    const auto has_told = [this](const std::string& host) { return host == host_.me() || has_answered(host); };
    const auto members = ResourceView(host_.tree, resource).storage_members();
    const bool is_over = host_.env.clock().steady() - started_at_ >= host_.tunables.start_guard;
    if (!is_over && !std::all_of(members.begin(), members.end(), has_told)) return false;
    unguarded_.insert(resource);
    return true;
}

bool Manager::has_answered(const std::string& host) {
    if (answered_.contains(host)) return true;
    for (const auto& peer : exchange_.peers())
        if (peer.has_caught_up) answered_.insert(peer.host);
    return answered_.contains(host);
}

// A line that is cut without a word is noticed after 35 s (io_timeout and keepalive of the exchange); only then others
// pass on what is heard of that host. Until then it counts as one that can be reached: it may be at work, and two
// primaries would have the same friends. A connection that has ended for a reason is another matter.
bool Manager::is_reachable(const std::string& host) const {
    constexpr Duration kCutNoticed = std::chrono::seconds(45), kRestart = std::chrono::seconds(12);
    for (const auto& peer : exchange_.peers()) {
        if (peer.host != host) continue;
        const auto silent = peer.last_received ? host_.env.clock().steady() - *peer.last_received : Duration::max();
        if (silent < (peer.connected ? kCutNoticed : kRestart)) return true;
        const auto now = host_.env.clock().now();
        const auto heard = tree::heard_at(host_.tree, host, now);
        if (!heard) return false;
        const auto age = now - *heard;
        const bool by_others = age < silent - kRestart / 2;
        return by_others && age < host_.tunables.alive_window;
    }
    return false;
}

// What all members can verify (transaction-log 3.4); a member that has not said what it knows gets only the oldest
// kind.
format::KindMask Manager::usable_kinds() const {
    format::KindMask mask = MARS_LOG_ALL_KINDS;
    for (auto& host : host_.tree.suffixes("ips", "ip-")) {
        auto features = format::Features::parse(host_.tree.value("actual-" + host + "/features"));
        mask &= features ? features->mask : 0;
    }
    return mask;
}

// Each write asks for the kinds: they are found out anew with each heartbeat, not with each write.
void Manager::publish_status() {
    const auto usable = usable_kinds();
    log_kinds_ = usable & wanted_log_kinds();
    status_.publish(usable, log_kinds_);
}

// The checksums that are not switched off, and the compressions that are switched on. Spec: transaction-log 3.4, 4.
format::KindMask Manager::wanted_log_kinds() const {
    const auto chosen = [this](const char* key) {
        return format::parse_mask(host_.tree.value(std::string("defaults/") + key)).value_or(0);
    };
    const auto off = chosen("disabled-log-digests"), on = chosen("enabled-log-compressions");
    return (MARS_LOG_ALL_SUMS & ~off) | (MARS_LOG_ALL_COMPRESSIONS & on);
}

// --- peers -----------------------------------------------------------------------------------------------------------

block::Welcome Manager::identity() const {
    return block::Welcome{host_.me(), host_.tree.value("uuid")};
}

bool Manager::is_member(const std::string& address) const {
    return tree::is_member_address(host_.tree, address);
}

result<void> Manager::admit(const block::Hello& hello, const env::Endpoint& remote) const {
    auto refuse = [](std::string text) { return failure(std::errc::permission_denied, std::move(text)); };
    const auto uuid = host_.tree.value("uuid");
    if (hello.uuid != uuid || uuid.empty())
        return refuse(host_.me() + " belongs to cluster " + uuid + ", not to " + hello.uuid);
    const auto address = host_.tree.value("ips/ip-" + hello.host);
    if (address != remote.address)
        return refuse(hello.host + " is no member with address " + remote.address + " here, but " +
                      (address.empty() ? "unknown" : address));
    if (!find(hello.resource)) return refuse("resource " + hello.resource + " is not active on " + host_.me());
    return {};
}

} // namespace mars::resource
