// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "kernel/env/portions.hpp"
#include "kernel/tree/paths.hpp"
#include "kernel/tree/pusher_session.hpp"

namespace mars::tree {

namespace {

constexpr Duration kBatchInterval = std::chrono::milliseconds(20);
constexpr std::size_t kPartBytes = 256 * 1024; // of a batch or compare; far below kMaxFramePayload

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
