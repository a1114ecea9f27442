// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/join_cluster.hpp"

#include <algorithm>

#include "kernel/base/split.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/cluster_keys.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr Duration kCommandLimit = 60s;
constexpr Stamp kPreliminary{1, 0}; // older than every real version. Spec: symlink-tree 1.7

std::string_view creator(std::string_view uuid) {
    return uuid.substr(0, uuid.rfind('_'));
}

std::string last_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    auto newline = text.rfind('\n');
    return newline == std::string::npos ? text : text.substr(newline + 1);
}

} // namespace

std::string ClusterIdentity::text() const {
    std::string all = "host=" + host + "\nuuid=" + uuid + "\nmarsd=" + (is_marsd_running ? "1" : "0");
    for (const auto& [name, address] : members) all += "\nmember=" + name + " " + address;
    return all;
}

std::optional<ClusterIdentity> ClusterIdentity::parse(std::string_view text) {
    ClusterIdentity identity;
    while (!text.empty()) {
        auto line = take_part(text, '\n');
        auto equal = line.find('=');
        if (equal == std::string_view::npos) continue;
        auto key = line.substr(0, equal);
        auto value = std::string(line.substr(equal + 1));
        if (key == "host") identity.host = value;
        if (key == "uuid") identity.uuid = value;
        if (key == "marsd") identity.is_marsd_running = value == "1";
        if (auto blank = value.find(' '); key == "member" && blank != std::string::npos)
            identity.members.emplace_back(value.substr(0, blank), value.substr(blank + 1));
    }
    if (identity.host.empty()) return std::nullopt;
    return identity;
}

std::optional<std::string> ClusterIdentity::address_of(std::string_view name) const {
    auto member = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
    return member == members.end() ? std::nullopt : std::optional(member->second);
}

env::task<result<Step>> print_cluster_identity(VerbContext& ctx) {
    ClusterIdentity identity;
    identity.host = ctx.self();
    identity.uuid = ctx.view().value("uuid");
    identity.is_marsd_running = ctx.is_marsd_running();
    for (const auto& host : cluster_hosts(ctx.view()))
        identity.members.emplace_back(host, ctx.view().value("ips/ip-" + host));
    ctx.out().answer(identity.text());
    co_return Step::done;
}

namespace {

class Joining {
  public:
    explicit Joining(VerbContext& ctx) : ctx_(ctx), lot_(ctx.env().lot()), peer_(ctx.argument(0)) {}
    Joining(const Joining&) = delete;
    // Also after a cancellation; but a crashed (simulated) host does nothing any more, and the context may be gone.
    ~Joining() {
        if (has_skeleton_ && !has_joined_ && !lot_.abandoned()) undo();
    }

    env::task<result<Step>> go();

  private:
    result<void> check_local();
    env::task<result<void>> find_peer_address();
    env::task<result<std::string>> run(std::vector<std::string> argv);
    env::task<result<void>> ask_peer();
    result<void> check_identity(const ClusterIdentity& identity);
    result<void> check_addresses() const;
    env::task<result<void>> write_skeleton();
    env::task<result<void>> register_at_peer();
    env::task<result<void>> wait_for_uuid();
    void undo();
    bool uses_ssh() const { return ctx_.options().ssh_port.value_or(-1) != 0; }

    VerbContext& ctx_;
    env::ParkingLot& lot_;
    std::string peer_;
    std::string peer_address_;
    std::string own_address_;
    std::optional<ClusterIdentity> identity_;
    std::vector<std::string> made_directories_; // by this call, parents first
    std::vector<std::string> made_keys_;
    bool has_skeleton_ = false;
    bool has_joined_ = false;
};

result<void> Joining::check_local() {
    MARS_TRY_VOID(check_mount_point(ctx_));
    if (peer_ == ctx_.me()) return refusal("cluster.self", "HOST must be another host than " + peer_ + " itself");
    for (const auto& resource : is_free(ctx_) ? all_resources(ctx_.view()) : std::vector<std::string>())
        MARS_TRY_VOID(
            ctx_.overridable("cluster.resources", "there is a resource " + resource + " in " + ctx_.view().root() +
                                                      ", which might clash with one of the cluster; next: use a "
                                                      "fresh filesystem"));
    MARS_TRY_VOID(check_space(ctx_));
    return check_marsd(ctx_, true);
}

env::task<result<void>> Joining::find_peer_address() {
    const auto& given = ctx_.argument(1);
    auto known = known_address(ctx_, peer_);
    if (!given.empty() && known && *known != given)
        co_return refusal("cluster.address",
                          "the address " + given + " of host " + peer_ + " contradicts the known one, " + *known);
    if (!given.empty())
        peer_address_ = given;
    else if (known)
        peer_address_ = *known;
    else if (uses_ssh())
        co_return result<void>(); // it will tell by itself
    else if (auto found = co_await find_address(ctx_, peer_))
        peer_address_ = *found;
    if (peer_address_.empty() && !uses_ssh())
        co_return refusal("usage.arg", "the address of host " + peer_ + " is not known; usage: marsadm join-cluster " +
                                           peer_ + " ADDRESS");
    co_return result<void>();
}

env::task<result<std::string>> Joining::run(std::vector<std::string> argv) {
    auto options = remote_options(ctx_.options());
    std::string command;
    for (const auto& word : argv) command += (command.empty() ? "" : " ") + word;
    ctx_.detail(1, "running on " + peer_ + ": " + command);
    RemoteHost host(peer_, peer_address_);
    const Duration limit = std::min(kCommandLimit, time_left(ctx_).value_or(kCommandLimit));
    auto ran = co_await ctx_.remote().run(std::move(host), options, std::move(argv), std::string(), limit);
    if (!ran) co_return ran.error();
    if (ran->status == 0) co_return ran->output;
    co_return refusal("remote.ssh", "'" + command + "' failed on host " + peer_ + " with status " +
                                        std::to_string(ran->status) + ": " + last_line(ran->errors));
}

env::task<result<void>> Joining::ask_peer() {
    if (!uses_ssh()) co_return result<void>();
    std::vector<std::string> command{"marsadm", "cluster-identity"};
    MARS_CO_TRY(auto answer, co_await run(std::move(command)));
    identity_ = ClusterIdentity::parse(answer);
    if (!identity_)
        co_return refusal("remote.ssh", "host " + peer_ + " did not answer 'marsadm cluster-identity' as expected: " +
                                            last_line(answer) + "; is marsadm installed there in the same version?");
    co_return check_identity(*identity_);
}

result<void> Joining::check_identity(const ClusterIdentity& identity) {
    if (identity.host != peer_)
        return refusal("cluster.address", "the host that was reached as " + peer_ + " calls itself " + identity.host +
                                              "; next: marsadm join-cluster " + identity.host);
    if (identity.uuid.empty() || identity.uuid == kAnyUuid)
        return refusal("cluster.uuid",
                       "host " + peer_ + " belongs to no cluster itself; next: marsadm create-cluster there");
    if (!identity.is_marsd_running)
        return refusal("dp.required", "marsd does not run on host " + peer_ + "; next: systemctl start marsd there");
    auto address = identity.address_of(peer_);
    if (!address)
        return refusal("sys.noaddress", "host " + peer_ +
                                            " has no address in its cluster; next: there, marsadm "
                                            "lowlevel-set-host-ip " +
                                            peer_ + " ADDRESS");
    if (!ctx_.argument(1).empty() && *address != peer_address_)
        return refusal("cluster.address", "the address " + peer_address_ + " of host " + peer_ +
                                              " contradicts the one in its cluster, " + *address);
    peer_address_ = *address;
    return {};
}

// Name and address of the newcomer must be new to the cluster, or belong together there already.
result<void> Joining::check_addresses() const {
    if (!identity_) return {};
    for (const auto& [name, address] : identity_->members) {
        if ((name == ctx_.me()) == (address == own_address_)) continue;
        if (name == ctx_.me())
            return refusal("cluster.address",
                           "the name " + name + " is taken in the cluster of " + peer_ +
                               " by a host with "
                               "the address " +
                               address + ", the own one is " + own_address_ +
                               "; next: give this host another name, or, if that host is gone for good, on " + peer_ +
                               ": marsadm lowlevel-delete-host " + name);
        return refusal("cluster.address", "the own address " + own_address_ + " belongs to host " + name +
                                              " in the cluster of " + peer_ +
                                              "; next: marsadm --ip=ADDRESS join-cluster " + peer_);
    }
    return {};
}

env::task<result<void>> Joining::write_skeleton() {
    const auto& view = ctx_.view();
    for (auto& directory : cluster_directories(ctx_.me()))
        if (!ctx_.env().storage().status(view.absolute(directory))) made_directories_.push_back(directory);
    const auto me = ctx_.me();
    std::vector<std::string> keys{"uuid",
                                  "ips/ip-" + me,
                                  "ips/ip-" + peer_,
                                  "defaults-" + me + "/sync-limit",
                                  "defaults-" + me + "/sync-pref-list",
                                  "actual-" + me + "/marsadm-version"};
    for (auto& key : keys)
        if (!view.raw(key)) made_keys_.push_back(std::move(key));
    has_skeleton_ = !ctx_.is_dry_run();
    queue_cluster_directories(ctx_);
    MARS_CO_TRY_VOID(co_await ctx_.commit());
    if (!view.get("uuid")) ctx_.set("uuid", std::string(kAnyUuid));
    ctx_.set("ips/ip-" + me, own_address_);
    if (!view.get("ips/ip-" + peer_)) ctx_.set("ips/ip-" + peer_, peer_address_);
    MARS_CO_TRY_VOID(co_await ctx_.commit(kPreliminary));
    queue_member_keys(ctx_, own_address_);
    co_return co_await ctx_.commit();
}

env::task<result<void>> Joining::register_at_peer() {
    if (!uses_ssh()) co_return result<void>();
    std::vector<std::string> command{"marsadm", "lowlevel-set-host-ip", ctx_.me(), own_address_};
    MARS_CO_TRY_VOID(co_await run(std::move(command)));
    co_return result<void>();
}

env::task<result<void>> Joining::wait_for_uuid() {
    Condition condition;
    condition.directories = {"", "ips"};
    condition.holds = [&] { return !is_free(ctx_); };
    condition.description = [&] { return "the identity of the cluster has not arrived from " + peer_; };
    Deadline deadline(ctx_, ctx_.options().window);
    MARS_CO_TRY(bool arrived, co_await wait_until(ctx_, condition, deadline));
    if (arrived) co_return result<void>();
    co_return refusal("remote.uuid", condition.description() + " within " + seconds_text(deadline.elapsed()) +
                                         "; can this host reach " + peer_address_ + " port 7777, and " + peer_ +
                                         " reach " + own_address_ + " port 7777? Everything was undone here; " + peer_ +
                                         " goes on knowing this host (marsadm lowlevel-delete-host " + ctx_.me() +
                                         " there)");
}

// Removes what this call has made, unless the cluster has been reached meanwhile.
void Joining::undo() {
    if (!is_free(ctx_)) return;
    auto& storage = ctx_.env().storage();
    for (const auto& key : made_keys_) (void)storage.remove(ctx_.view().absolute(key)); // it may never have been made
    for (auto directory = made_directories_.rbegin(); directory != made_directories_.rend(); ++directory)
        (void)storage.remove_directory(ctx_.view().absolute(*directory)); // may hold keys of marsd by now
}

env::task<result<Step>> Joining::go() {
    MARS_CO_TRY_VOID(check_local());
    MARS_CO_TRY_VOID(co_await find_peer_address());
    MARS_CO_TRY_VOID(co_await ask_peer());
    if (!is_free(ctx_)) {
        auto mine = ctx_.view().value("uuid");
        auto theirs = identity_ ? identity_->uuid : std::string();
        if (mine == theirs)
            co_return refusal("cluster.uuid", "this host belongs to the cluster of " + peer_ + " already");
        co_return refusal("cluster.uuid",
                          "this host belongs to a cluster already, which " + std::string(creator(mine)) +
                              " has created (uuid " + mine + ")" +
                              (theirs.empty() ? std::string()
                                              : ", and " + peer_ + " to one which " + std::string(creator(theirs)) +
                                                    " has created (uuid " + theirs + ")") +
                              "; clusters cannot be mixed: use a fresh filesystem in " + ctx_.view().root());
    }
    MARS_CO_TRY(own_address_, co_await find_own_address(ctx_, peer_address_));
    MARS_CO_TRY_VOID(check_addresses());
    MARS_CO_TRY_VOID(co_await write_skeleton());
    if (ctx_.is_dry_run()) co_return Step::done;
    MARS_CO_TRY_VOID(co_await register_at_peer());
    MARS_CO_TRY_VOID(co_await wait_for_uuid());
    has_joined_ = true;
    ctx_.out().info("host " + ctx_.me() + " (" + own_address_ + ") has joined the cluster " +
                    ctx_.view().value("uuid"));
    co_return Step::done;
}

} // namespace

env::task<result<Step>> join_cluster(VerbContext& ctx) {
    Joining joining(ctx);
    co_return co_await joining.go();
}

} // namespace mars::shell
