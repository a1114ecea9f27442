// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/pusher.hpp"

#include <algorithm>

#include "kernel/env/portions.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

constexpr Duration kBatchInterval = std::chrono::milliseconds(20);
constexpr Duration kStoreRetry = std::chrono::seconds(5); // a peer whose disk was full is asked what it lacks
constexpr std::size_t kPartBytes = 256 * 1024;            // of a batch or compare; far below kMaxFramePayload

std::vector<KeyVersion> barrier_keys(const Tree& tree) {
    std::vector<KeyVersion> sampled;
    for (auto& dir : tree.directories()) {
        if (!is_barrier(join_path(dir, "alive"))) continue; // no directory of that kind
        tree.visit_links(dir, [&](std::string_view name, const Link& link) {
            auto path = join_path(dir, name);
            if (is_barrier(path) && is_sendable(path, link))
                sampled.push_back({std::move(path), link.value, link.stamp});
        });
    }
    return sampled;
}

} // namespace

// One connection. Shared by the pushing task and the one that reads the replies.
struct Pusher::Session {
    Session(env::Env& env, std::unique_ptr<env::Stream> stream) : channel(env, std::move(stream)), replied(env.lot()) {}

    void end(failure why) {
        if (!ended) ended = std::move(why);
        channel.close();
        replied.notify();
    }

    FrameChannel channel;
    env::Event replied;
    std::string peer_uuid;
    std::uint64_t answered = 0;           // the number of the last reply
    std::optional<std::string> unstored;  // why not all of that could be stored
    std::vector<std::uint32_t> differing; // its contents
    std::optional<failure> ended;
};

// Collects versions into the parts of one batch. `barrier` must have been sampled before anything else is read (M9).
class Pusher::Batcher {
  public:
    Batcher(Pusher& pusher, Session& session, std::vector<KeyVersion> barrier)
        : pusher_(pusher), session_(session), barrier_(std::move(barrier)), sent_(pusher.shared_.sent_now()) {}

    env::task<result<void>> add(KeyVersion version) {
        if (bytes_ >= kPartBytes) MARS_CO_TRY_VOID(co_await send(true));
        bytes_ += encoded_size(version);
        versions_.push_back(std::move(version));
        co_return result<void>();
    }
    bool is_empty() const { return versions_.empty() && barrier_.empty(); }
    // The barrier keys vouch for all the others.
    env::task<result<void>> finish() {
        for (auto& version : barrier_)
            if (!pusher_.is_behind_) versions_.push_back(std::move(version));
        co_return co_await send(false);
    }

  private:
    env::task<result<void>> send(bool more) {
        ExchangeBatch batch;
        batch.number = pusher_.next_number_++;
        batch.sent = sent_;
        batch.more = more;
        batch.versions = std::exchange(versions_, {});
        bytes_ = 0;
        MARS_CO_TRY_VOID(co_await pusher_.send(session_, ExchangeMessage::batch, encode(batch)));
        MARS_CO_TRY(auto nothing, co_await pusher_.reply(session_, batch.number));
        if (auto why = std::exchange(session_.unstored, std::nullopt)) pusher_.note_unstored(*why);
        co_return result<void>();
    }

    Pusher& pusher_;
    Session& session_;
    std::vector<KeyVersion> barrier_;
    Stamp sent_;
    std::vector<KeyVersion> versions_;
    std::size_t bytes_ = 0;
};

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

env::task<result<void>> Pusher::push(Session& session) {
    needs_compare_ = true;
    while (true) {
        if (session.ended) co_return *session.ended;
        auto wait = shared_.options.keepalive;
        if (compare_at_) wait = std::min(wait, *compare_at_ - shared_.env.clock().steady());
        if (wait <= Duration(0)) needs_compare_ = true;
        is_sending_ = needs_compare_ || !dirty_.empty();
        if (!is_sending_) shared_.delivered.notify();
        if (needs_compare_) {
            MARS_CO_TRY_VOID(co_await compare(session));
        } else if (needs_peers_) {
            MARS_CO_TRY_VOID(co_await send_peers(session));
        } else if (!dirty_.empty()) {
            MARS_CO_TRY_VOID(co_await flush(session));
        } else if (!co_await env::wait_for(shared_.env, wake_, wait)) {
            MARS_CO_TRY_VOID(co_await ping(session));
        }
    }
}

env::task<result<void>> Pusher::compare(Session& session) {
    env::Portions portions(shared_.env);
    const auto directories = shared_.tree.directories();
    for (const auto& dir : directories) { // most digests stay what they are until all are taken
        (void)shared_.digests.of(dir);
        if (portions.is_over()) co_await portions.next();
    }
    // In one go, without suspension: what is dirty until here is covered by the digests, what comes later is kept.
    needs_compare_ = is_behind_ = false;
    compare_at_.reset();
    dirty_.clear();
    Batcher batcher(*this, session, barrier_keys(shared_.tree));
    auto all = shared_.digests.all();

    std::vector<DirectoryDigest> part;
    std::size_t bytes = 0;
    for (auto& entry : all) {
        bytes += entry.dir.size() + entry.digest.size();
        const bool is_last = &entry == &all.back();
        part.push_back(std::move(entry));
        if (bytes < kPartBytes && !is_last) continue;
        MARS_CO_TRY_VOID(co_await send_differing(session, batcher, std::exchange(part, {})));
        bytes = 0;
    }
    MARS_CO_TRY_VOID(co_await batcher.finish()); // also without keys: tells the peer that it has everything now
    retry_ = shared_.options.retry_min;
    if (is_behind_) co_return result<void>();
    last_error_.clear();
    reported_.clear();
    if (is_pushing_) co_return result<void>();
    is_pushing_ = true;
    shared_.env.log().info("exchange peer=" + host_ + " event=connected address=" + address_);
    shared_.pushed_peers_changed();
    co_return result<void>();
}

env::task<result<void>> Pusher::send_differing(Session& session, Batcher& batcher, std::vector<DirectoryDigest> part) {
    ExchangeCompare message;
    message.number = next_number_++;
    message.sent = shared_.sent_now();
    message.directories = std::move(part);
    MARS_CO_TRY_VOID(co_await send(session, ExchangeMessage::compare, encode(message)));
    MARS_CO_TRY(const auto indices, co_await reply(session, message.number));
    for (auto index : indices) {
        if (index >= message.directories.size())
            co_return failure(std::errc::protocol_error, host_ + " names a directory that it was not asked about");
        const auto& dir = message.directories[index].dir;
        std::vector<KeyVersion> versions; // collected first: sending suspends, and the directory may change meanwhile
        shared_.tree.visit_links(dir, [&](std::string_view name, const Link& link) {
            auto path = join_path(dir, name);
            if (is_sendable(path, link) && !is_barrier(path))
                versions.push_back({std::move(path), link.value, link.stamp});
        });
        for (auto& version : versions) MARS_CO_TRY_VOID(co_await batcher.add(std::move(version)));
    }
    co_return result<void>();
}

env::task<result<void>> Pusher::flush(Session& session) {
    const auto since = shared_.env.clock().steady() - last_flush_;
    if (since < kBatchInterval) co_await shared_.env.clock().sleep(kBatchInterval - since);
    last_flush_ = shared_.env.clock().steady();

    auto paths = std::exchange(dirty_, {});
    std::vector<KeyVersion> barrier;
    for (auto it = paths.begin(); it != paths.end();) {
        if (!is_barrier(*it)) {
            ++it;
            continue;
        }
        if (auto link = shared_.tree.raw(*it); link && is_sendable(*it, *link))
            barrier.push_back({*it, std::move(link->value), link->stamp});
        it = paths.erase(it);
    }
    Batcher batcher(*this, session, std::move(barrier));
    for (auto& path : paths) {
        auto link = shared_.tree.raw(path);
        if (!link || !is_sendable(path, *link)) continue; // purged meanwhile
        KeyVersion version{path, std::move(link->value), link->stamp};
        MARS_CO_TRY_VOID(co_await batcher.add(std::move(version)));
    }
    if (batcher.is_empty()) co_return result<void>();
    co_return co_await batcher.finish();
}

env::task<result<void>> Pusher::send_peers(Session& session) {
    needs_peers_ = false;
    ExchangePeers message;
    message.sent = shared_.sent_now();
    for (auto& peer : shared_.pushed_peers()) message.peers.push_back(peer);
    co_return co_await send(session, ExchangeMessage::peers, encode(message));
}

env::task<result<void>> Pusher::ping(Session& session) {
    ExchangeNumber message;
    message.number = next_number_++;
    message.sent = shared_.sent_now();
    MARS_CO_TRY_VOID(co_await send(session, ExchangeMessage::ping, encode(message)));
    MARS_CO_TRY(auto nothing, co_await reply(session, message.number));
    co_return result<void>();
}

} // namespace mars::tree
