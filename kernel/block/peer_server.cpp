// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/peer_server.hpp"

#include <algorithm>

#include "kernel/env/deadline.hpp"

namespace mars::block {

namespace {
constexpr Duration kAcceptPause = std::chrono::seconds(1); // after a failed accept, e.g. out of descriptors
} // namespace

PeerServer::PeerServer(env::Env& env, const PeerGate& gate, Purpose what, Serve serve, Limits limits)
    : env_(env), gate_(gate), purpose_(what), serve_(std::move(serve)), limits_(limits), quiet_(env),
      session_ended_(env.lot()), tasks_(env) {}

PeerServer::PeerServer(env::Env& env, const PeerGate& gate, Purpose what, Serve serve)
    : PeerServer(env, gate, what, std::move(serve), Limits()) {}

result<void> PeerServer::start(env::Endpoint at) {
    MARS_TRY(listener_, env_.net().listen(at));
    tasks_.spawn(std::string(purpose_name(purpose_)) + " server", accept_loop());
    return {};
}

env::task<void> PeerServer::accept_loop() {
    for (;;) {
        auto stream = co_await listener_->accept();
        if (!stream) {
            if (!stream.error().is(std::errc::operation_canceled))
                quiet_.warning("accept",
                               std::string(purpose_name(purpose_)) + " accept-failed reason=" + stream.error().text);
            co_await env_.clock().sleep(kAcceptPause);
            continue;
        }
        if (const auto why = why_full((*stream)->remote().address); !why.empty()) { // not even worth a message
            quiet_.warning("full " + (*stream)->remote().address,
                           std::string(purpose_name(purpose_)) +
                               " connection-dropped peer=" + (*stream)->remote().address + " reason=" + why);
            continue;
        }
        tasks_.spawn(std::string(purpose_name(purpose_)) + " session", serve_connection(*std::move(stream)));
    }
}

// Why no further connection from there is taken; empty: it is.
std::string PeerServer::why_full(const std::string& address) const {
    const bool is_stranger = !gate_.is_member(address);
    const auto same = [&](const std::shared_ptr<Session>& s) {
        return s->resource.empty() && s->is_stranger == is_stranger && (is_stranger || s->address == address);
    };
    const auto waiting = static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(), same));
    if (is_stranger && waiting >= limits_.max_strangers) return "too many connections from addresses of no member";
    if (!is_stranger && waiting >= limits_.max_greeting) return "too many connections that say nothing";
    return "";
}

// The oldest session of the same host for the same resource makes room: a peer that comes anew, e.g. after a power cut,
// has most likely left the old ones behind, and their silence is noticed much later.
env::task<result<void>> PeerServer::make_room(const Hello& hello) {
    const auto is_same = [&](const auto& s) { return s->host == hello.host && s->resource == hello.resource; };
    for (;;) {
        const auto admitted = std::count_if(sessions_.begin(), sessions_.end(), is_same);
        if (static_cast<std::size_t>(admitted) < limits_.max_of_one_kind) co_return result<void>();
        const auto oldest = std::find_if(sessions_.begin(), sessions_.end(),
                                         [&](const auto& s) { return is_same(s) && !s->must_stop; });
        if (oldest != sessions_.end()) end(**oldest);
        co_await session_ended_.wait();
    }
}

void PeerServer::end(Session& session) {
    session.must_stop = true;
    session.stop.notify();
}

env::task<void> PeerServer::serve_connection(std::unique_ptr<env::Stream> stream) {
    auto session = std::make_shared<Session>(env_.lot());
    session->who = session->address = stream->remote().address;
    session->is_stranger = !gate_.is_member(session->address);
    struct Registered {
        PeerServer& server;
        std::list<std::shared_ptr<Session>>::iterator place;
        ~Registered() {
            server.sessions_.erase(place);
            server.session_ended_.notify();
        }
    };
    sessions_.push_back(session);
    Registered registered{*this, std::prev(sessions_.end())};
    PeerSession peer(env_, std::move(stream), limits_.session);
    session->peer = &peer;
    auto ended = co_await peer.run(converse(peer, *session));
    if (!ended && !session->must_stop) report(*session, ended.error());
}

env::task<result<void>> PeerServer::refuse(PeerSession& peer, failure reason) {
    (void)co_await peer.say_farewell(encode_text(SessionMessage::refused, reason.text)); // the reason is what counts
    co_return reason;
}

env::task<result<void>> PeerServer::converse(PeerSession& peer, Session& session) {
    peer.expect_at_most(limits_.max_hello_bytes);
    MARS_CO_TRY(Frame first,
                co_await env::with_deadline(env_, limits_.session.handshake, "the handshake", peer.expect()));
    if (!first.is(SessionMessage::hello))
        co_return failure(std::errc::protocol_error, "the first message was " + std::to_string(first.type));
    MARS_CO_TRY(Hello hello, parse_hello(first.payload));
    session.who = hello.host + "@" + session.who;
    if (hello.purpose != purpose_)
        co_return co_await refuse(
            peer, failure(std::errc::protocol_error, "this port is for " + std::string(purpose_name(purpose_))));
    if (auto welcome = gate_.admit(hello, peer.remote()); !welcome) co_return co_await refuse(peer, welcome.error());
    if (auto room = co_await env::with_deadline(env_, limits_.session.handshake, "a free place", make_room(hello));
        !room)
        co_return co_await refuse(peer, failure(std::errc::resource_unavailable_try_again,
                                                "too many connections of " + hello.host + " for resource " +
                                                    hello.resource + "; try again later"));
    session.host = hello.host;
    session.resource = hello.resource;
    peer.expect_at_most(format::kMaxFramePayload);
    MARS_CO_TRY_VOID(co_await peer.send(encode_welcome(gate_.identity())));
    std::vector<env::task<result<void>>> tasks;
    tasks.push_back(serve_(peer, hello));
    tasks.push_back(until_stopped(session));
    co_return co_await first_of(std::move(tasks));
}

env::task<result<void>> PeerServer::until_stopped(Session& session) {
    while (!session.must_stop) co_await session.stop.wait();
    co_return failure(std::errc::operation_canceled, "stopped");
}

void PeerServer::report(const Session& session, const failure& why) {
    if (why.is(std::errc::operation_canceled)) return;
    auto name = std::string(purpose_name(purpose_));
    quiet_.warning(session.who + " " + why.code.message(),
                   name + " session-ended peer=" + session.who +
                       (session.resource.empty() ? "" : " resource=" + session.resource) + " reason=" + why.text);
}

env::task<void> PeerServer::disconnect(std::string resource) {
    auto concerned = [&](const std::shared_ptr<Session>& s) { return s->resource == resource; };
    for (auto& session : sessions_)
        if (concerned(session)) end(*session);
    while (std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& s) { return concerned(s) && s->must_stop; }))
        co_await session_ended_.wait();
}

void PeerServer::ask_for_signs(const std::string& host) {
    for (auto& session : sessions_)
        if (session->host == host && session->peer) session->peer->ask_for_sign();
}

env::task<void> PeerServer::stop() {
    co_await tasks_.stop();
    listener_.reset();
}

env::task<result<Frame>> expect_request(PeerSession& peer, Purpose purpose, std::uint16_t type) {
    MARS_CO_TRY(Frame first,
                co_await env::with_deadline(peer.env(), peer.limits().handshake, "the request", peer.expect()));
    if (first.type != type)
        co_return failure(std::errc::protocol_error, "expected a " + std::string(purpose_name(purpose)) +
                                                         " request, found message " + std::to_string(first.type));
    co_return std::move(first);
}

env::task<result<void>> say_inactive(PeerSession& peer, std::string resource) {
    const auto reason = "resource " + resource + " is not active here";
    co_return co_await peer.say_farewell(encode_text(SessionMessage::failed, reason));
}

} // namespace mars::block
