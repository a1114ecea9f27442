// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/sync_client.hpp"

#include <algorithm>
#include <bit>

#include "kernel/block/concurrently.hpp"
#include "kernel/env/deadline.hpp"

namespace mars::block {

namespace {

SyncEnd make_end(SyncEnd::Kind kind, std::string text) {
    SyncEnd end;
    end.kind = kind;
    end.text = std::move(text);
    return end;
}

} // namespace

SyncClient::SyncClient(env::Env& env, Device& disk, SyncPlan plan, SyncObserver& observer, Turns& digests,
                       Limiter* rate, Limiter* traffic)
    : SyncClient(env, disk, std::move(plan), observer, digests, rate, traffic, Limits()) {}

SyncClient::SyncClient(env::Env& env, Device& disk, SyncPlan plan, SyncObserver& observer, Turns& digests,
                       Limiter* rate, Limiter* traffic, Limits limits)
    : env_(env), disk_(disk), plan_(std::move(plan)), observer_(observer), digests_(digests), rate_(rate),
      traffic_(traffic), limits_(limits), completed_(plan_.start), reported_(plan_.start) {
    next_ = plan_.start / kSegmentBytes * kSegmentBytes;
}

SyncCounters SyncClient::counters() const {
    auto all = counters_;
    if (peer_) {
        all.bytes_sent = peer_->bytes_sent();
        all.bytes_received = peer_->bytes_received();
    }
    return all;
}

env::task<result<SyncEnd>> SyncClient::run() {
    if (plan_.end > disk_.size() || plan_.start > plan_.end)
        co_return failure(std::errc::invalid_argument, "the local disk of " + plan_.resource + " has " +
                                                           std::to_string(disk_.size()) + " bytes, expected at least " +
                                                           std::to_string(plan_.end));
    progress_at_ = env_.clock().steady();
    MARS_CO_TRY(std::unique_ptr<env::Stream> stream, co_await env_.net().connect(plan_.peer, limits_.connect));
    peer_.emplace(env_, std::move(stream), limits_.session);
    auto ended = co_await peer_->run(converse());
    counters_ = counters();
    is_connected_ = false;
    peer_.reset();
    co_return ended;
}

env::task<result<SyncEnd>> SyncClient::converse() {
    MARS_CO_TRY(std::optional<SyncEnd> early, co_await shake_hands());
    if (early) co_return *std::move(early);
    is_connected_ = true;
    std::vector<env::task<result<SyncEnd>>> tasks;
    tasks.push_back(copy_all());
    tasks.push_back(receive_loop());
    tasks.push_back(report_loop());
    tasks.push_back(watch_progress());
    co_return co_await first_of(std::move(tasks));
}

// Nothing when the source is ready; end_ is known then.
env::task<result<std::optional<SyncEnd>>> SyncClient::shake_hands() {
    PeerPlan plan = plan_; // named: g++ 12 destroys temporaries of a co_await twice
    MARS_CO_TRY(std::optional<std::string> refusal, co_await greet(*peer_, std::move(plan), Purpose::sync));
    if (refusal) co_return std::optional<SyncEnd>(make_end(SyncEnd::Kind::refused, *std::move(refusal)));
    SyncRequest request{plan_.start, plan_.end};
    MARS_CO_TRY_VOID(co_await peer_->send(encode_sync_request(request)));
    MARS_CO_TRY(Frame answer, co_await env::with_deadline(env_, limits_.session.life.silence,
                                                          "the answer of the source", peer_->expect()));
    if (!answer.is(SyncMessage::source)) {
        MARS_CO_TRY_VOID(take_answer(std::move(answer)));
        co_return std::optional<SyncEnd>(
            make_end(SyncEnd::Kind::emergency, plan_.peer_host + " does not let its data be copied (emergency mode)"));
    }
    MARS_CO_TRY(std::uint64_t size, parse_source(answer.payload));
    end_ = std::min(plan_.end, size / kSectorBytes * kSectorBytes);
    co_return std::optional<SyncEnd>();
}

// --- answers ---

env::task<result<SyncEnd>> SyncClient::receive_loop() {
    for (;;) {
        MARS_CO_TRY(Frame frame, co_await peer_->expect());
        bool is_emergency = frame.is(SyncMessage::emergency);
        MARS_CO_TRY_VOID(take_answer(std::move(frame)));
        if (is_emergency)
            co_return make_end(SyncEnd::Kind::emergency,
                               plan_.peer_host + " does not let its data be copied any more (emergency mode)");
    }
}

// Hands an answer to who waits for it. `emergency` is left to the caller.
result<void> SyncClient::take_answer(Frame frame) {
    if (frame.is(SyncMessage::emergency)) return {};
    if (frame.is(SessionMessage::failed)) {
        MARS_TRY(std::string text, parse_text(frame.payload));
        return failure(std::errc::io_error, plan_.peer_host + " cannot go on: " + text);
    }
    auto batch = peek_batch(frame);
    auto call = batch ? calls_.find(batch->offset) : calls_.end();
    if (call == calls_.end() || !frame.is(call->second->expected) || call->second->answer)
        return failure(std::errc::protocol_error,
                       plan_.peer_host + " sent message " + std::to_string(frame.type) + ", which answers nothing");
    call->second->answer.emplace(std::move(frame));
    call->second->arrived.notify();
    return {};
}

env::task<result<Frame>> SyncClient::ask(SyncBatch batch, OutFrame question, SyncMessage expected) {
    Call call(env_.lot());
    call.expected = expected;
    struct Registered {
        std::map<std::uint64_t, Call*>& calls;
        std::uint64_t offset;
        ~Registered() { calls.erase(offset); }
    };
    calls_[batch.offset] = &call;
    Registered registered{calls_, batch.offset};
    MARS_CO_TRY_VOID(co_await peer_->send(std::move(question)));
    while (!call.answer) co_await call.arrived.wait();
    co_return *std::move(call.answer);
}

// --- batches ---

env::task<result<SyncEnd>> SyncClient::copy_all() {
    std::vector<env::task<result<void>>> tasks;
    for (std::size_t bytes = 0; bytes < std::max(limits_.window_bytes, kBatchBytes); bytes += kBatchBytes)
        tasks.push_back(copy_loop());
    MARS_CO_TRY_VOID(co_await all_of(std::move(tasks)));
    MARS_CO_TRY_VOID(co_await report());
    if (end_ < plan_.end)
        co_return make_end(SyncEnd::Kind::shorter, "the disk of " + plan_.resource + " on " + plan_.peer_host +
                                                       " has only " + std::to_string(end_) + " bytes, expected " +
                                                       std::to_string(plan_.end));
    co_return make_end(SyncEnd::Kind::finished, "");
}

env::task<result<void>> SyncClient::copy_loop() {
    while (auto batch = next_batch()) {
        MARS_CO_TRY_VOID(co_await copy_batch(*batch));
        complete(*batch);
    }
    co_return result<void>();
}

std::optional<SyncBatch> SyncClient::next_batch() {
    if (next_ >= end_) return std::nullopt;
    SyncBatch batch;
    batch.offset = next_;
    batch.length = static_cast<std::uint32_t>(std::min<std::uint64_t>(kBatchBytes, end_ - next_));
    next_ += batch.length;
    return batch;
}

env::task<result<void>> SyncClient::copy_batch(SyncBatch batch) {
    Work work(batch);
    auto loaded = co_await disk_.read(batch.offset, work.all());
    if (!loaded) co_return loaded.error().with("sync of " + plan_.resource);
    MARS_CO_TRY(SegmentMask different, co_await compare(work));
    if (different != 0) {
        MARS_CO_TRY_VOID(co_await patch(work, different));
        MARS_CO_TRY_VOID(co_await write_changes(work));
    }
    for (std::size_t i = 0; i < batch.segments(); ++i) {
        auto changed = static_cast<std::uint64_t>(std::popcount(static_cast<unsigned>(work.changed[i])));
        counters_.blocks_different += changed;
        counters_.blocks_equal += batch.blocks(i) - changed;
    }
    counters_.bytes_compared += batch.length;
    if (rate_) rate_->limit(limiter_kib(batch.length), env_.clock().steady());
    co_return result<void>();
}

// Level 1: which segments differ.
env::task<result<SegmentMask>> SyncClient::compare(Work& work) {
    SegmentDigests mine;
    mine.batch = work.batch;
    for (std::size_t i = 0; i < work.batch.segments(); ++i) {
        const auto turn = co_await digests_.take();
        mine.digests.push_back(sha256(work.segment(i)));
        co_await let_others_run();
    }
    MARS_CO_TRY(Frame answer, co_await ask(work.batch, encode_digests(mine), SyncMessage::verdict));
    MARS_CO_TRY(Verdict verdict, parse_verdict(answer.payload));
    if (verdict.batch != work.batch)
        co_return failure(std::errc::protocol_error, plan_.peer_host + " answered for another range");
    co_return verdict.different;
}

// Level 2: brings the blocks of these segments that differ; and where the outcome is not what the source has seen, the
// whole segment.
env::task<result<void>> SyncClient::patch(Work& work, SegmentMask different) {
    BlockDigests mine;
    mine.batch = work.batch;
    mine.segments = different;
    for (std::size_t i = 0; i < work.batch.segments(); ++i)
        for (std::size_t b = 0; has_bit(different, i) && b < work.batch.blocks(i); ++b)
            mine.digests.push_back(xxh3_128(work.segment(i).subspan(b * kBlockBytes, work.batch.block_length(i, b))));
    MARS_CO_TRY(Frame answer, co_await ask(work.batch, encode_blocks(mine), SyncMessage::patch));
    MARS_CO_TRY(SegmentMask wrong, co_await apply(work, answer, different));
    if (wrong == 0) co_return result<void>();

    counters_.segments_repeated += static_cast<std::uint64_t>(std::popcount(static_cast<unsigned>(wrong)));
    Verdict missing{work.batch, wrong};
    MARS_CO_TRY(Frame again, co_await ask(work.batch, encode_whole(missing), SyncMessage::patch));
    MARS_CO_TRY(SegmentMask still_wrong, co_await apply(work, again, wrong));
    if (still_wrong != 0)
        co_return failure(std::errc::bad_message, plan_.peer_host + " sent data that does not have its digest, at " +
                                                      std::to_string(work.batch.offset));
    co_return result<void>();
}

// Patches the buffer. Result: the segments whose digest is not the announced one after that.
env::task<result<SegmentMask>> SyncClient::apply(Work& work, const Frame& answer, SegmentMask expected) {
    MARS_CO_TRY(Patch patch, parse_patch(answer.payload));
    SegmentMask covered = 0, wrong = 0;
    for (const auto& segment : patch.segments) covered = static_cast<SegmentMask>(covered | 1U << segment.segment);
    if (patch.batch != work.batch || covered != expected)
        co_return failure(std::errc::protocol_error, plan_.peer_host + " answered for another range");
    for (const auto& segment : patch.segments) {
        auto content = work.segment(segment.segment);
        auto data = patch.data.subspan(segment.data);
        for (std::size_t b = 0; b < work.batch.blocks(segment.segment); ++b) {
            if (!has_bit(segment.different, b)) continue;
            auto block = content.subspan(b * kBlockBytes, work.batch.block_length(segment.segment, b));
            if (has_bit(segment.zero, b)) {
                std::fill(block.begin(), block.end(), std::byte{0});
            } else {
                std::copy_n(data.begin(), block.size(), block.begin());
                data = data.subspan(block.size());
            }
        }
        auto& changed = work.changed[segment.segment];
        changed = static_cast<BlockMask>(changed | segment.different);
        const auto turn = co_await digests_.take();
        if (sha256(content) != segment.digest) wrong = static_cast<SegmentMask>(wrong | 1U << segment.segment);
        co_await let_others_run();
    }
    if (traffic_) co_await traffic_->limit_and_sleep(env_, limiter_kib(answer.payload.size()));
    co_return wrong;
}

// Writes the changed blocks, neighbours in one go.
env::task<result<void>> SyncClient::write_changes(Work& work) {
    auto is_changed = [&](std::size_t block) {
        return has_bit(work.changed[block / kSegmentBlocks], block % kSegmentBlocks);
    };
    const std::size_t blocks = (work.batch.length + kBlockBytes - 1) / kBlockBytes;
    for (std::size_t begin = 0; begin < blocks;) {
        auto end = begin;
        while (end < blocks && is_changed(end)) ++end;
        if (end == begin) {
            ++begin;
            continue;
        }
        auto from = begin * kBlockBytes;
        auto to = std::min<std::size_t>(end * kBlockBytes, work.batch.length);
        auto written = co_await disk_.write(work.batch.offset + from, work.all().subspan(from, to - from), false);
        if (!written) co_return written.error().with("sync of " + plan_.resource);
        begin = end;
    }
    co_return result<void>();
}

// --- progress ---

void SyncClient::complete(const SyncBatch& batch) {
    progress_at_ = env_.clock().steady();
    completed_beyond_[batch.offset] = batch.offset + batch.length;
    // The first batch may begin before plan_.start, which need not be a segment's begin.
    while (!completed_beyond_.empty() && completed_beyond_.begin()->first <= completed_) {
        completed_ = std::max(completed_, completed_beyond_.begin()->second);
        completed_beyond_.erase(completed_beyond_.begin());
    }
}

// Tells how far everything is equal, once that is durable.
env::task<result<void>> SyncClient::report() {
    auto target = completed_;
    if (target <= reported_) co_return result<void>();
    auto flushed = co_await disk_.flush();
    if (!flushed) co_return flushed.error().with("sync of " + plan_.resource);
    if (target <= reported_) co_return result<void>(); // another report has been faster
    reported_ = target;
    observer_.copied(target);
    co_return result<void>();
}

env::task<result<SyncEnd>> SyncClient::report_loop() {
    for (;;) {
        co_await env_.clock().sleep(limits_.report);
        MARS_CO_TRY_VOID(co_await report());
    }
}

env::task<result<SyncEnd>> SyncClient::watch_progress() {
    for (std::uint64_t seen = 0;;) {
        co_await env_.clock().sleep(limits_.no_progress / 8);
        // Part of an answer on a slow line is progress, signs of life are not.
        if (peer_->bytes_received() - seen >= kProgressBytes) progress_at_ = env_.clock().steady();
        seen = peer_->bytes_received();
        auto idle = env_.clock().steady() - progress_at_;
        if (idle >= limits_.no_progress)
            co_return failure(std::errc::timed_out,
                              "no progress of the sync from " + plan_.peer_host + " for " +
                                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(idle).count()) +
                                  " s");
    }
}

} // namespace mars::block
