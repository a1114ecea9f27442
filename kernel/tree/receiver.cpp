// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/receiver_session.hpp"

#include <algorithm>

#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

// Connections that have not yet said who they are: from addresses of no member, and from each address of one.
constexpr std::size_t kMaxStrangers = 8;
constexpr std::size_t kMaxGreeting = 8;
constexpr Duration kAcceptRetry = std::chrono::seconds(1);

} // namespace

// Gives the seat of a session back, however serve() is left.
class Receiver::Leave {
  public:
    Leave(Receiver& receiver, std::shared_ptr<Session> session) : receiver_(receiver), session_(std::move(session)) {}
    Leave(const Leave&) = delete;
    ~Leave() {
        session_->channel.close();
        auto seat = receiver_.sessions_.find(session_->host);
        if (seat == receiver_.sessions_.end() || seat->second != session_) return; // never had one, or was replaced
        receiver_.sessions_.erase(seat);
        for (auto& peer : session_->peers) receiver_.shared_.take_over(peer);
    }

  private:
    Receiver& receiver_;
    std::shared_ptr<Session> session_;
};

Receiver::Receiver(ExchangeShared& shared) : shared_(shared), group_(shared.env) {}

Receiver::~Receiver() = default;

result<void> Receiver::start() {
    env::Endpoint at;
    at.port = shared_.options.port;
    MARS_TRY(listener_, shared_.env.net().listen(at));
    group_.spawn("exchange listener", accept_loop());
    return {};
}

env::task<void> Receiver::stop() {
    co_await group_.stop();
    listener_.reset();
}

bool Receiver::pushes_to(std::string_view host, const std::string& peer) const {
    auto found = sessions_.find(host);
    return found != sessions_.end() && found->second->peers.contains(peer);
}

bool Receiver::has_caught_up_with(const std::string& host) const {
    auto found = sessions_.find(host);
    return found != sessions_.end() && found->second->has_caught_up;
}

std::optional<Duration> Receiver::last_received(const std::string& host) const {
    auto found = sessions_.find(host);
    if (found == sessions_.end()) return std::nullopt;
    return found->second->last_received;
}

void Receiver::check_members() {
    for (auto& [host, session] : sessions_) {
        failure why(std::errc::permission_denied, host + " is no longer welcome: its address or a uuid has changed");
        const bool is_member = shared_.tree.value("ips/ip-" + host) == session->channel.remote().address;
        if (is_member && uuids_match(shared_.uuid(), session->uuid)) continue;
        session->ended = why;
        session->channel.close();
    }
}

env::task<void> Receiver::accept_loop() {
    while (true) {
        auto stream = co_await listener_->accept();
        if (!stream) {
            shared_.quiet.warning("accept", "exchange event=accept-failed reason=" + stream.error().text);
            co_await shared_.env.clock().sleep(kAcceptRetry);
        } else if (is_crowded((*stream)->remote().address)) {
            const auto from = (*stream)->remote().address;
            shared_.quiet.warning("crowd " + from, "exchange event=too-many-greetings from=" + from);
        } else {
            auto what = "exchange with " + (*stream)->remote().address;
            group_.spawn(std::move(what), serve(std::move(*stream)));
        }
    }
}

// Strangers keep out nobody but strangers.
bool Receiver::is_crowded(const std::string& address) const {
    if (is_member_address(shared_.tree, address)) {
        const auto same = greeting_.find(address);
        return same != greeting_.end() && same->second >= kMaxGreeting;
    }
    std::size_t strangers = 0;
    for (const auto& [from, count] : greeting_)
        if (!is_member_address(shared_.tree, from)) strangers += count;
    return strangers >= kMaxStrangers;
}

env::task<void> Receiver::serve(std::unique_ptr<env::Stream> stream) {
    auto session = std::make_shared<Session>(shared_.env, std::move(stream));
    Leave leave(*this, session);
    const auto address = session->channel.remote().address;
    auto greeted = co_await greet(*session);
    if (!greeted) {
        shared_.quiet.warning("refused " + address + " " + session->host,
                              "exchange from=" + address + " event=refused reason=" + greeted.error().text);
        session->host.clear();
        co_return;
    }
    take_seat(session);
    auto ended = co_await converse(*session);
    if (session->ended) ended = *session->ended;
    if (!ended)
        shared_.quiet.warning("lost " + session->host,
                              "exchange peer=" + session->host + " event=lost reason=" + ended.error().text);
}

result<void> Receiver::admit(const ExchangeHello& hello, const std::string& address) const {
    auto& tree = shared_.tree;
    auto denied = [&](std::string why) { return failure(std::errc::permission_denied, std::move(why)); };
    const auto me = shared_.env.hostname();
    if (!is_member_address(tree, address))
        return denied("the address " + address + " belongs to no member in ips/ of " + me);
    if (!is_identifier(hello.host) || hello.host == me) return denied("'" + shown(hello.host) + "' is no other host");
    if (tree.value("ips/ip-" + hello.host) != address)
        return denied("ips/ip-" + hello.host + " on " + me + " is '" + tree.value("ips/ip-" + hello.host) + "', not " +
                      address);
    const auto uuid = shared_.uuid();
    if (uuid.empty()) return denied(me + " has no uuid, it is in no cluster");
    if (!uuids_match(uuid, hello.uuid))
        return denied("foreign cluster: " + me + " has the uuid " + uuid + ", " + hello.host + " has '" +
                      shown(hello.uuid) + "'");
    return {};
}

env::task<result<void>> Receiver::greet(Session& session) {
    struct Counted {
        Counted(std::map<std::string, std::size_t>& all, std::string a) : counts(all), address(std::move(a)) {
            ++counts[address];
        }
        ~Counted() {
            if (--counts[address] == 0) counts.erase(address);
        }
        std::map<std::string, std::size_t>& counts;
        std::string address;
    } counted(greeting_, session.channel.remote().address);
    const auto limit = shared_.options.connect_timeout;
    MARS_CO_TRY(auto frame, co_await session.channel.receive(kMaxGreetingBytes, limit));
    if (!frame) co_return failure(std::errc::connection_reset, "hung up without a word");
    if (!frame->is(ExchangeMessage::hello))
        co_return failure(std::errc::protocol_error,
                          "expected a hello, found frame type " + std::to_string(frame->type));
    MARS_CO_TRY(auto hello, parse_hello(frame->payload));
    if (auto admitted = admit(hello, session.channel.remote().address); !admitted) {
        co_await refuse(session, admitted.error());
        co_return admitted;
    }
    session.host = hello.host;
    session.uuid = hello.uuid;
    advance_clock(session, hello.sent);
    session.peers.insert(hello.peers.begin(), hello.peers.end());
    ExchangeWelcome welcome;
    welcome.host = shared_.env.hostname();
    welcome.uuid = shared_.uuid();
    welcome.sent = shared_.sent_now();
    co_return co_await session.channel.send(ExchangeMessage::welcome, encode(welcome), limit);
}

void Receiver::take_seat(std::shared_ptr<Session> session) {
    session->last_received = shared_.env.clock().steady();
    auto& seat = sessions_[session->host];
    const auto before = std::exchange(seat, session);
    if (before) { // the old connection is dead, or its end has not been noticed yet
        before->ended = failure(std::errc::connection_aborted, session->host + " has made a new connection");
        before->channel.close();
        // Also to those whom it serves again: a host that comes back after a power failure may have forgotten what it
        // had told only this one.
        for (auto& peer : before->peers) shared_.take_over(peer);
    }
    shared_.heard_from(session->host);
}

env::task<void> Receiver::refuse(Session& session, const failure& why) {
    // The peer waits for an answer, so it gets this one. If not, it learns the reason from the next attempt.
    (void)co_await session.channel.send(ExchangeMessage::refused, encode_reason(why.text),
                                        shared_.options.connect_timeout);
}

env::task<result<void>> Receiver::converse(Session& session) {
    while (true) {
        MARS_CO_TRY(auto frame, co_await session.channel.receive(format::kMaxFramePayload, shared_.options.io_timeout));
        if (session.ended) co_return *session.ended;
        if (!frame) co_return failure(std::errc::connection_reset, session.host + " has closed the connection");
        session.last_received = shared_.env.clock().steady();
        auto handled = co_await handle(session, *frame);
        if (handled) continue;
        co_await refuse(session, handled.error());
        co_return handled;
    }
}

env::task<result<void>> Receiver::handle(Session& session, const Frame& frame) {
    if (!uuids_match(shared_.uuid(), session.uuid))
        co_return failure(std::errc::permission_denied, shared_.env.hostname() + " now belongs to another cluster");
    if (frame.is(ExchangeMessage::batch)) co_return co_await merge(session, frame);
    if (frame.is(ExchangeMessage::compare)) co_return co_await answer_compare(session, frame);
    if (frame.is(ExchangeMessage::peers)) {
        MARS_CO_TRY(const auto message, parse_peers(frame.payload));
        advance_clock(session, message.sent);
        set_peers(session, message.peers);
        co_return result<void>();
    }
    if (frame.is(ExchangeMessage::ping)) {
        MARS_CO_TRY(auto message, parse_ping(frame.payload));
        advance_clock(session, message.sent);
        message.sent = shared_.sent_now();
        co_return co_await send(session, ExchangeMessage::ack, encode(message));
    }
    co_return failure(std::errc::protocol_error, "unknown frame type " + std::to_string(frame.type));
}

env::task<result<void>> Receiver::send(Session& session, ExchangeMessage type, Bytes payload) {
    co_return co_await session.channel.send(type, std::move(payload), shared_.options.io_timeout);
}

void Receiver::advance_clock(Session& session, Stamp sent) {
    if (shared_.tree.lamport().received(sent)) return;
    shared_.quiet.warning("clock " + session.host,
                          "exchange peer=" + session.host + " event=illegal-clock is=" + sent.text() +
                              " here=" + shared_.sent_now().text() + " advice=correct the system clock of " +
                              session.host + " if it is wrong, then restart marsd there");
}

void Receiver::set_peers(Session& session, const std::vector<std::string>& peers) {
    const auto before = std::exchange(session.peers, std::set<std::string>(peers.begin(), peers.end()));
    for (auto& peer : before)
        if (!session.peers.contains(peer)) shared_.take_over(peer);
}

} // namespace mars::tree
