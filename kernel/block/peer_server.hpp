// SPDX-License-Identifier: GPL-2.0-or-later
// PeerServer: accepts connections on one port, shakes hands, asks the gate whether the peer may come in, and runs one
// task per connection. What a session does is the caller's (`serve`).
// Garbage, strangers and refusals end the connection with one rate-limited line in the log.
// Runs on: the host's executor. Owns: the listener and all sessions. Tests: tests/unit/block/net_session_test.cpp.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "kernel/block/peer_session.hpp"
#include "kernel/env/quiet_log.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::block {

// Who may come in. Implemented by whoever knows the cluster (the tree).
class PeerGate {
  public:
    virtual ~PeerGate() = default;

    // What the server says about itself; asked at each handshake, because a joining host changes its uuid.
    virtual Welcome identity() const = 0;
    // Some member of the cluster has this address.
    virtual bool is_member(const std::string& address) const = 0;
    // Success when `hello`, coming from `remote`, is welcome: the uuid is ours, the host and the address belong to a
    // member, the resource is known and active here. A failure's text is sent to the peer as the reason.
    virtual result<void> admit(const Hello& hello, const env::Endpoint& remote) const = 0;
};

class PeerServer {
  public:
    // Serves one admitted session until it is over. A failure is logged. Cancelled by stop() and disconnect().
    using Serve = std::function<env::task<result<void>>(PeerSession&, const Hello&)>;

    // Who has been admitted is bounded by members and resources. Strangers have a small share of their own, so that
    // they keep out nobody but themselves, and so has each member for connections that have not said yet what they
    // want.
    struct Limits {
        SessionLimits session;
        std::size_t max_strangers = 8;      // connections from addresses of no member
        std::size_t max_greeting = 64;      // not yet admitted, from one member's address
        std::size_t max_of_one_kind = 4;    // admitted, of one host for one resource; the oldest makes room
        std::size_t max_hello_bytes = 4096; // frames of those that are not admitted
    };

    // `gate` must outlive the server. `what` is the purpose that peers have to ask for on this port.
    PeerServer(env::Env& env, const PeerGate& gate, Purpose what, Serve serve, Limits limits);
    PeerServer(env::Env& env, const PeerGate& gate, Purpose what, Serve serve);

    // Listens at `at` and accepts from now on. Errors: of listen().
    result<void> start(env::Endpoint at);
    // Ends all sessions of `resource` and waits until nothing of them runs any more: then its logs and disks are not
    // read from here. New ones are the gate's business.
    env::task<void> disconnect(std::string resource);
    // Stops listening, ends all sessions, waits for their ends.
    env::task<void> stop();

    // `host` may have left its sessions behind: each shall give a sign of life.
    void ask_for_signs(const std::string& host);

    std::size_t sessions() const { return sessions_.size(); }
    // Where it listens, once started.
    env::Endpoint local() const { return listener_->local(); }

  private:
    struct Session {
        explicit Session(env::ParkingLot& lot) : stop(lot) {}

        std::string who;     // for the log: the address, later the host
        std::string address; // of the peer
        bool is_stranger = false;
        std::string host;            // once admitted
        std::string resource;        // once admitted
        PeerSession* peer = nullptr; // while it runs
        bool must_stop = false;
        env::Event stop;
    };

    env::task<void> accept_loop();
    env::task<void> serve_connection(std::unique_ptr<env::Stream> stream);
    env::task<result<void>> converse(PeerSession& peer, Session& session);
    std::string why_full(const std::string& address) const;
    env::task<result<void>> make_room(const Hello& hello);
    static void end(Session& session);
    env::task<result<void>> refuse(PeerSession& peer, failure reason);
    static env::task<result<void>> until_stopped(Session& session);
    void report(const Session& session, const failure& why);

    env::Env& env_;
    const PeerGate& gate_;
    Purpose purpose_;
    Serve serve_;
    Limits limits_;
    env::QuietLog quiet_;
    std::unique_ptr<env::Listener> listener_;
    std::list<std::shared_ptr<Session>> sessions_;
    env::Event session_ended_;
    env::TaskGroup tasks_;
};

// The first message of an admitted client, which has to be of this type.
env::task<result<Frame>> expect_request(PeerSession& peer, Purpose purpose, std::uint16_t type);
// Ends a session for a resource that has no source (any more).
env::task<result<void>> say_inactive(PeerSession& peer, std::string resource);

// A PeerServer whose sessions use one source of their resource: its logs, its disk. Of each kind there is one server.
template<class Source>
class SourceServer {
  public:
    // The source of an admitted resource; nullptr when it is not there any more. Sessions share the ownership.
    using FindSource = std::function<std::shared_ptr<Source>(const std::string& resource)>;

    // Listens at `at` and serves from now on. Errors: of listen().
    result<void> start(env::Endpoint at) { return server_.start(std::move(at)); }
    // Ends the sessions of `resource`; when it returns none of them uses the source any more.
    env::task<void> disconnect(std::string resource) { return server_.disconnect(std::move(resource)); }
    env::task<void> stop() { return server_.stop(); }
    // `host` may have left its sessions behind: each shall give a sign of life.
    void ask_for_signs(const std::string& host) { server_.ask_for_signs(host); }
    std::size_t sessions() const { return server_.sessions(); }
    // Where it listens, once started.
    env::Endpoint local() const { return server_.local(); }

  protected:
    SourceServer(env::Env& env, const PeerGate& gate, Purpose what, FindSource find, PeerServer::Limits limits)
        : find_(std::move(find)),
          server_(
              env, gate, what, [this](PeerSession& peer, const Hello& hello) { return serve(peer, hello); }, limits) {}
    virtual ~SourceServer() = default;

    std::shared_ptr<Source> find(const std::string& resource) const { return find_(resource); }

  private:
    // Serves one admitted session.
    virtual env::task<result<void>> serve(PeerSession& peer, const Hello& hello) = 0;

    FindSource find_;
    PeerServer server_;
};

} // namespace mars::block
