// SPDX-License-Identifier: GPL-2.0-or-later
// LocalHost: what verbs need to know of the machine they run on beyond env::Env: who runs them, its addresses, names of
// other hosts, and the lock between several marsadm. Real: real_local_host.*; the simulation has its own.
// Spec: verbs 1.6/6, 1.13, 2.8.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/task.hpp"
#include "kernel/tree/handover_note.hpp"

namespace mars::shell {

// Held while alive.
class HeldLock {
  public:
    virtual ~HeldLock() = default;
};

class LocalHost {
  public:
    virtual ~LocalHost() = default;

    virtual bool is_root() const = 0;
    // The own address from which packets to `peer` (an IPv4 address) leave; nullopt when there is no route.
    virtual std::optional<std::string> address_towards(const std::string& peer) = 0;
    // The first IPv4 address of the interfaces other than lo.
    virtual std::optional<std::string> first_address() = 0;
    // The first IPv4 address that `host` resolves to. May take as long as the resolver does.
    virtual env::task<std::optional<std::string>> resolve(std::string host) = 0;
    // What the disk at `path` holds, by its signature; empty: nothing that is known.
    virtual env::task<std::string> disk_signature(std::string path) {
        (void)path;
        co_return std::string();
    }
    // Asks whoever has given the command, if that is somebody at a terminal; the line that was typed, nullopt when
    // there is none. Waits as long as it takes.
    virtual env::task<std::optional<std::string>> ask(std::string question) {
        (void)question;
        co_return std::nullopt;
    }
    // Of the program that runs the verb (kernel/tree/handover_note.hpp).
    virtual std::string process_identity() const { return tree::own_process_identity(); }
    // The advisory lock of the tree at `root` on this host; outside the tree. It is held for moments only: waits for it
    // a few seconds, then fails and names the holder.
    virtual env::task<result<std::unique_ptr<HeldLock>>> lock(std::string root) = 0;
};

} // namespace mars::shell
