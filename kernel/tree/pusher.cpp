// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/pusher_session.hpp"

#include <algorithm>

#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

constexpr Duration kStoreRetry = std::chrono::seconds(5); // a peer whose disk was full is asked what it lacks

} // namespace

// Undoes the session's traces, however connect_and_push() is left.
class Pusher::Leave {
  public:
    explicit Leave(Pusher& pusher) : pusher_(pusher) {}
    Leave(const Leave&) = delete;
    ~Leave() {
        auto session = std::exchange(pusher_.session_, nullptr);
        if (session) session->end(failure(std::errc::connection_aborted, "the connection was given up"));
        pusher_.dirty_.clear();
        pusher_.is_behind_ = false;
        pusher_.compare_at_.reset();
        pusher_.is_sending_ = false;
        if (std::exchange(pusher_.is_pushing_, false)) pusher_.shared_.pushed_peers_changed();
        pusher_.shared_.delivered.notify();
    }

  private:
    Pusher& pusher_;
};

Pusher::Pusher(ExchangeShared& shared, std::string host, std::string address)
    : shared_(shared), host_(std::move(host)), address_(std::move(address)), wake_(shared.env.lot()),
      retry_(shared.options.retry_min), group_(shared.env) {}

Pusher::~Pusher() = default;

void Pusher::start() {
    group_.spawn("push to " + host_, run());
}

env::task<void> Pusher::stop() {
    co_await group_.stop();
}

void Pusher::set_address(std::string address) {
    if (address == address_) return;
    address_ = std::move(address);
    disconnect(failure(std::errc::connection_aborted, "the address in ips/ has changed"));
    try_now();
}

void Pusher::changed(const std::string& path) {
    if (!session_) return;
    dirty_.insert(path);
    wake_.notify();
}

void Pusher::compare_again() {
    needs_compare_ = true;
    wake_.notify();
}

void Pusher::tell_peers() {
    needs_peers_ = true;
    wake_.notify();
}

void Pusher::try_now() {
    try_now_ = true;
    retry_ = shared_.options.retry_min;
    wake_.notify();
}

void Pusher::check_uuid() {
    if (session_ && !uuids_match(shared_.uuid(), session_->peer_uuid))
        disconnect(failure(std::errc::permission_denied, "this host now belongs to another cluster than " + host_));
    try_now();
}

void Pusher::disconnect(const failure& why) {
    if (session_) session_->end(why);
    wake_.notify();
}

env::task<void> Pusher::run() {
    while (true) {
        try_now_ = false;
        auto ended = co_await connect_and_push();
        report(ended);
        co_await pause();
    }
}

env::task<void> Pusher::pause() {
    const auto half = retry_ / 2;
    const auto jitter = Duration(static_cast<std::int64_t>(
        shared_.env.random().below(static_cast<std::uint64_t>(std::max<std::int64_t>(half.count(), 1)))));
    retry_ = std::min(retry_ * 2, shared_.options.retry_max);
    const auto until = shared_.env.clock().steady() + half + jitter;
    while (!try_now_) {
        const auto rest = until - shared_.env.clock().steady();
        if (rest <= Duration(0)) co_return;
        (void)co_await env::wait_for(shared_.env, wake_, rest); // woken or not: looked at again
    }
}

void Pusher::report(const result<void>& ended) {
    report("event=not-connected reason=" + (ended ? "the connection has ended" : ended.error().text));
    last_error_ = ended ? "the connection has ended" : ended.error().text;
}

// Once, while it stays the same.
void Pusher::report(const std::string& trouble) {
    if (trouble == reported_) return;
    reported_ = trouble;
    shared_.env.log().warning("exchange peer=" + host_ + " " + trouble);
}

// The next compare finds out what it still lacks. Until then, keys that have room go on.
void Pusher::note_unstored(const std::string& reason) {
    is_behind_ = true;
    compare_at_ = shared_.env.clock().steady() + kStoreRetry;
    last_error_ = reason;
    report("event=not-stored reason=" + reason);
}

env::task<result<void>> Pusher::connect_and_push() {
    if (shared_.uuid().empty())
        co_return failure(std::errc::not_connected, "this host has no uuid; create or join a cluster");
    if (address_.empty())
        co_return failure(std::errc::address_not_available, "ips/ip-" + host_ + " holds no usable IPv4 address");
    env::Endpoint to;
    to.address = address_;
    to.port = shared_.options.port;
    MARS_CO_TRY(auto stream, co_await shared_.env.net().connect(to, shared_.options.connect_timeout));
    auto session = std::make_shared<Session>(shared_.env, std::move(stream));
    session_ = session;
    Leave leave(*this);
    MARS_CO_TRY_VOID(co_await greet(*session));
    group_.spawn("replies of " + host_, read_replies(session));
    auto ended = co_await push(*session);
    if (session->ended) co_return *session->ended;
    co_return ended;
}

env::task<result<void>> Pusher::greet(Session& session) {
    ExchangeHello hello;
    hello.host = shared_.env.hostname();
    hello.uuid = shared_.uuid();
    hello.sent = shared_.sent_now();
    needs_peers_ = false;
    for (auto& peer : shared_.pushed_peers()) hello.peers.push_back(peer);
    const auto limit = shared_.options.connect_timeout;
    MARS_CO_TRY_VOID(co_await session.channel.send(ExchangeMessage::hello, encode(hello), limit));
    MARS_CO_TRY(auto frame, co_await session.channel.receive(kMaxGreetingBytes, limit));
    if (session.ended) co_return *session.ended;
    if (!frame) co_return failure(std::errc::connection_reset, host_ + " has closed the connection without a reason");
    if (frame->is(ExchangeMessage::refused)) {
        MARS_CO_TRY(auto reason, parse_reason(frame->payload));
        co_return failure(std::errc::connection_refused, host_ + " refuses: " + reason);
    }
    if (!frame->is(ExchangeMessage::welcome))
        co_return failure(std::errc::protocol_error,
                          "expected a welcome from " + host_ + ", found frame type " + std::to_string(frame->type));
    MARS_CO_TRY(auto welcome, parse_welcome(frame->payload));
    shared_.tree.lamport().received(welcome.sent);
    if (welcome.host != host_)
        co_return failure(std::errc::permission_denied, "expected host " + host_ + " at " + address_ + ", found " +
                                                            shown(welcome.host) + "; correct ips/ip-" + host_);
    if (!uuids_match(shared_.uuid(), welcome.uuid))
        co_return failure(std::errc::permission_denied, host_ + " belongs to another cluster: its uuid is " +
                                                            shown(welcome.uuid) + ", ours is " + shared_.uuid());
    session.peer_uuid = welcome.uuid;
    last_received_ = shared_.env.clock().steady();
    co_return result<void>();
}

env::task<void> Pusher::read_replies(std::shared_ptr<Session> session) {
    const auto limit = shared_.options.io_timeout + shared_.options.keepalive; // a ping is answered within that time
    while (!session->ended) {
        auto frame = co_await session->channel.receive(format::kMaxFramePayload, limit);
        if (!frame) {
            session->end(frame.error());
        } else if (!*frame) {
            session->end(failure(std::errc::connection_reset, host_ + " has closed the connection"));
        } else if (auto taken = take_reply(*session, **frame); !taken) {
            session->end(taken.error());
        }
    }
    wake_.notify();
}

result<void> Pusher::take_reply(Session& session, const Frame& frame) {
    last_received_ = shared_.env.clock().steady();
    if (frame.is(ExchangeMessage::refused)) {
        MARS_TRY(auto reason, parse_reason(frame.payload));
        return failure(std::errc::connection_refused, host_ + " refuses: " + reason);
    }
    if (frame.is(ExchangeMessage::ack)) {
        MARS_TRY(auto ack, parse_ping(frame.payload));
        shared_.tree.lamport().received(ack.sent);
        session.answered = ack.number;
    } else if (frame.is(ExchangeMessage::unstored)) {
        MARS_TRY(auto missing, parse_unstored(frame.payload));
        shared_.tree.lamport().received(missing.sent);
        session.answered = missing.number;
        session.unstored = std::move(missing.reason);
    } else if (frame.is(ExchangeMessage::differing)) {
        MARS_TRY(auto differing, parse_differing(frame.payload));
        shared_.tree.lamport().received(differing.sent);
        session.answered = differing.number;
        session.differing = std::move(differing.indices);
    } else {
        return failure(std::errc::protocol_error,
                       "expected a reply from " + host_ + ", found frame type " + std::to_string(frame.type));
    }
    session.replied.notify();
    return {};
}

env::task<result<void>> Pusher::send(Session& session, ExchangeMessage type, Bytes payload) {
    if (session.ended) co_return *session.ended;
    co_return co_await session.channel.send(type, std::move(payload), shared_.options.io_timeout);
}

env::task<result<std::vector<std::uint32_t>>> Pusher::reply(Session& session, std::uint64_t number) {
    const auto until = shared_.env.clock().steady() + shared_.options.io_timeout;
    while (session.answered != number) {
        if (session.ended) co_return *session.ended;
        const auto rest = until - shared_.env.clock().steady();
        if (rest <= Duration(0)) co_return failure(std::errc::timed_out, host_ + " has not answered in time");
        (void)co_await env::wait_for(shared_.env, session.replied, rest); // looked at again
    }
    co_return std::exchange(session.differing, {});
}

} // namespace mars::tree
