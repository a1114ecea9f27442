// SPDX-License-Identifier: GPL-2.0-or-later
// Manager: everything that marsd does, for all resources of a host: one Controller for each resource in which this host
// has a device key, the servers that peers fetch logs and disk contents from, the exchange of the tree, the heartbeat.
// Runs on: the host's executor. Spec: symlink-tree 4.1 … 4.3.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "kernel/block/log_fetch_server.hpp"
#include "kernel/block/sync_server.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/controller.hpp"
#include "kernel/resource/handover_watch.hpp"
#include "kernel/resource/host.hpp"
#include "kernel/resource/host_status.hpp"
#include "kernel/tree/exchange.hpp"

namespace mars::resource {

class Manager final : private block::PeerGate {
  public:
    // `tree` and `exports` must outlive the manager.
    Manager(env::Env& env, tree::Tree& tree, exports::Provider& exports, Tunables tunables);
    ~Manager() override;

    // Begins to serve and to work. Errors: a port is in use.
    result<void> start();
    // Orderly end: all resources come to rest first; waits for devices that are in use. Publishes `alive` = 0.
    env::task<void> stop();
    // What keeps the daemon from telling the cluster anything (/mars is read-only or full); empty: nothing.
    const std::string& trouble() const { return status_.trouble(); }
    // What an orderly end is waiting for.
    std::string busy_with() const;

    // Writes the counters of every primary's write path into the daemon's log.
    void log_counters() const;

    const std::map<std::string, std::shared_ptr<Controller>>& controllers() const { return controllers_; }
    const block::MemoryBudget& memory() const { return host_.memory; }
    std::size_t syncs() const { return host_.syncs; } // that run now, from other hosts to here

  private:
    block::Welcome identity() const override;
    bool is_member(const std::string& address) const override;
    result<void> admit(const block::Hello& hello, const env::Endpoint& remote) const override;

    env::task<void> follow_resources();
    env::task<void> adopt_and_drop();
    void look_for_left_sessions(const std::string& host);
    env::task<void> follow_roles();
    env::task<void> tell_role_at_rest(std::string name);
    env::task<void> heartbeat();
    env::task<void> measure_space();
    env::task<void> beat(bool is_shutting_down);
    env::task<void> tell_all(bool is_asked);
    bool may_be_designated(const std::string& resource);
    bool has_answered(const std::string& host);
    bool is_reachable(const std::string& host) const;
    format::KindMask usable_kinds() const; // all hosts of the cluster know them
    format::KindMask wanted_log_kinds() const;
    void publish_status();
    std::shared_ptr<Controller> find(const std::string& resource) const;

    format::KindMask log_kinds_ = 0; // that records may have: none but MD5_OLD before the start
    Host host_;
    HostStatus status_;
    HandoverWatch handovers_;
    tree::Exchange exchange_;
    block::FetchServer fetch_server_;
    block::SyncServer sync_server_;
    std::map<std::string, std::shared_ptr<Controller>> controllers_;
    Signal resources_changed_;
    Signal roles_changed_;
    std::set<std::string> changed_roles_; // of these resources; all are looked at from time to time
    tree::Subscription subscription_;
    Duration started_at_{};
    std::set<std::string> unguarded_; // resources
    std::set<std::string> answered_;  // hosts, since the start
    bool shutting_down_ = false;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
