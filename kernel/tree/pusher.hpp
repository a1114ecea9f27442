// SPDX-License-Identifier: GPL-2.0-or-later
// Pusher: keeps one connection to one peer and pushes this host's changes over it: a compare first, then batches.
// Runs on: the host's executor. Owns: the connection, and the set of paths that the peer has still to get (values are
// read when they are sent, so a slow peer costs one path per key at most). Rules: exchange_shared.hpp.
// Format: docs/formats/exchange.md. Tests: tests/unit/tree/exchange_*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "kernel/env/task_group.hpp"
#include "kernel/tree/exchange_shared.hpp"
#include "kernel/tree/frame_channel.hpp"

namespace mars::tree {

class Pusher {
  public:
    Pusher(ExchangeShared& shared, std::string host, std::string address);
    ~Pusher();

    void start();
    // Ends the connection; must be awaited before destruction.
    env::task<void> stop();

    const std::string& host() const { return host_; }
    const std::string& address() const { return address_; }
    // A new address ends the connection and is tried at once.
    void set_address(std::string address);
    // `path` has changed and the peer has to know. Without a connection nothing is kept: the next compare finds it.
    void changed(const std::string& path);
    // Compares the whole trees again.
    void compare_again();
    // The set of peers that this host pushes to has changed: tell this one.
    void tell_peers();
    // There is a reason to believe that the peer can be reached now.
    void try_now();
    // The uuid has changed: a connection that it forbids ends.
    void check_uuid();

    // The peer has confirmed all changes, or cannot be reached. ExchangeShared::delivered tells when to look again.
    bool is_idle() const { return !is_pushing_ || (dirty_.empty() && !needs_compare_ && !is_sending_); }
    // Connected, and the first compare is done.
    bool is_pushing() const { return is_pushing_; }
    const std::string& last_error() const { return last_error_; }
    std::optional<Duration> last_received() const { return last_received_; }

  private:
    struct Session;
    class Batcher;
    class Leave;

    env::task<void> run();
    env::task<result<void>> connect_and_push();
    env::task<result<void>> greet(Session& session);
    env::task<void> read_replies(std::shared_ptr<Session> session);
    result<void> take_reply(Session& session, const Frame& frame);
    env::task<result<void>> push(Session& session);
    env::task<result<void>> compare(Session& session);
    env::task<result<void>> send_differing(Session& session, Batcher& batcher, std::vector<DirectoryDigest> part);
    env::task<result<void>> flush(Session& session);
    env::task<result<void>> send_peers(Session& session);
    env::task<result<void>> ping(Session& session);
    env::task<result<void>> send(Session& session, ExchangeMessage type, Bytes payload);
    env::task<result<std::vector<std::uint32_t>>> reply(Session& session, std::uint64_t number);
    env::task<void> pause();
    void disconnect(const failure& why);
    void report(const result<void>& ended);
    void report(const std::string& trouble);
    void note_unstored(const std::string& reason);

    ExchangeShared& shared_;
    std::string host_;
    std::string address_;
    env::Event wake_;
    std::shared_ptr<Session> session_;
    std::set<std::string> dirty_; // only while there is a session
    bool needs_compare_ = false;
    bool is_behind_ = false;             // the peer could not store all that it was sent since the last compare
    std::optional<Duration> compare_at_; // it is tried again
    bool needs_peers_ = false;
    bool is_pushing_ = false;
    bool is_sending_ = false; // a compare or a batch is under way
    bool try_now_ = false;
    Duration retry_;
    Duration last_flush_{0};
    std::uint64_t next_number_ = 1;
    std::string last_error_;
    std::string reported_;
    std::optional<Duration> last_received_;
    env::TaskGroup group_;
};

} // namespace mars::tree
