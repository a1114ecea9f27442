// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/sync_server.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "kernel/env/deadline.hpp"

namespace mars::block {

namespace {

constexpr std::size_t kWorkers = 8;      // requests at work: bounds reads and their memory
constexpr std::size_t kMaxWaiting = 128; // requests received and not begun
constexpr std::size_t kMaxKept = 64;     // batches kept for a second question

// One session of a client.
class SyncSession {
  public:
    SyncSession(PeerSession& peer, SyncSource& source, Turns& digests, Limiter* traffic)
        : peer_(peer), source_(source), digests_(digests), traffic_(traffic), arrived_(peer.env().lot()),
          room_(peer.env().lot()) {}

    env::task<result<void>> run();

  private:
    // A batch as it was read.
    struct Content {
        SyncBatch batch;
        AlignedBuffer data;
        std::vector<StrongDigest> digests;
        std::span<const std::byte> segment(std::size_t i) {
            return data.first(batch.length).subspan(batch.segment_begin(i), batch.segment_length(i));
        }
        std::span<const std::byte> block(std::size_t i, std::size_t b) {
            return segment(i).subspan(b * kBlockBytes, batch.block_length(i, b));
        }
    };

    env::task<result<void>> receive_loop();
    env::task<result<void>> work_loop();
    env::task<result<void>> answer(Frame request);
    env::task<result<void>> answer_digests(SegmentDigests asked);
    env::task<result<void>> answer_blocks(BlockDigests asked);
    env::task<result<void>> answer_whole(Verdict asked);
    env::task<result<std::shared_ptr<Content>>> read(SyncBatch batch);
    env::task<result<void>> send_patch(Content& content, std::vector<SegmentPatch> patches);
    env::task<result<void>> send_last(OutFrame last);

    PeerSession& peer_;
    SyncSource& source_;
    Turns& digests_;
    Limiter* traffic_;
    std::deque<Frame> waiting_;
    env::Event arrived_;
    env::Event room_;
    std::map<std::uint64_t, std::shared_ptr<Content>> kept_; // by offset; the client will ask for their blocks
    bool is_over_ = false;                                   // the last message is on its way
    std::optional<failure> broken_;
};

// Puts a block into a patch: as data, or as a mere flag.
void add_block(SegmentPatch& patch, std::size_t b, std::span<const std::byte> block) {
    patch.different = static_cast<BlockMask>(patch.different | 1U << b);
    if (all_zero(block)) patch.zero = static_cast<BlockMask>(patch.zero | 1U << b);
}

env::task<result<void>> SyncSession::run() {
    std::vector<env::task<result<void>>> tasks;
    tasks.push_back(receive_loop());
    for (std::size_t i = 0; i < kWorkers; ++i) tasks.push_back(work_loop());
    auto ended = co_await first_of(std::move(tasks));
    if (broken_) co_return *std::move(broken_);
    co_return ended;
}

env::task<result<void>> SyncSession::receive_loop() {
    for (;;) {
        while (waiting_.size() >= kMaxWaiting) co_await room_.wait();
        MARS_CO_TRY(std::optional<Frame> frame, co_await peer_.receive());
        if (!frame) co_return result<void>();
        waiting_.push_back(*std::move(frame));
        arrived_.notify();
    }
}

env::task<result<void>> SyncSession::work_loop() {
    for (;;) {
        while (waiting_.empty() || is_over_) co_await arrived_.wait();
        auto request = std::move(waiting_.front());
        waiting_.pop_front();
        room_.notify();
        if (!source_.accepts()) co_return co_await send_last(encode_emergency());
        MARS_CO_TRY_VOID(co_await answer(std::move(request)));
    }
}

env::task<result<void>> SyncSession::answer(Frame request) {
    switch (request.type) {
    case static_cast<std::uint16_t>(SyncMessage::digests): {
        MARS_CO_TRY(auto asked, parse_digests(request.payload));
        co_return co_await answer_digests(std::move(asked));
    }
    case static_cast<std::uint16_t>(SyncMessage::blocks): {
        MARS_CO_TRY(auto asked, parse_blocks(request.payload));
        co_return co_await answer_blocks(std::move(asked));
    }
    case static_cast<std::uint16_t>(SyncMessage::whole): {
        MARS_CO_TRY(auto asked, parse_whole(request.payload));
        co_return co_await answer_whole(asked);
    }
    default:
        co_return failure(std::errc::protocol_error, "unexpected message " + std::to_string(request.type));
    }
}

// Reads a batch of the source and digests its segments. A failure to read is told to the client.
env::task<result<std::shared_ptr<SyncSession::Content>>> SyncSession::read(SyncBatch batch) {
    if (batch.offset + batch.length > source_.size())
        co_return failure(std::errc::protocol_error, "the peer asked for data beyond the end of the disk");
    auto content = std::make_shared<Content>();
    content->batch = batch;
    content->data = AlignedBuffer(batch.length);
    auto done = co_await source_.read(batch.offset, content->data.first(batch.length));
    if (!done) {
        if (done.error().is(std::errc::operation_canceled)) co_return done.error();
        broken_ = done.error();
        MARS_CO_TRY_VOID(co_await send_last(encode_text(SessionMessage::failed, broken_->text)));
        co_return *broken_;
    }
    for (std::size_t i = 0; i < batch.segments(); ++i) {
        const auto turn = co_await digests_.take();
        content->digests.push_back(sha256(content->segment(i)));
        co_await let_others_run();
    }
    co_return content;
}

env::task<result<void>> SyncSession::answer_digests(SegmentDigests asked) {
    MARS_CO_TRY(auto content, co_await read(asked.batch));
    Verdict verdict;
    verdict.batch = asked.batch;
    for (std::size_t i = 0; i < asked.digests.size(); ++i)
        if (content->digests[i] != asked.digests[i])
            verdict.different = static_cast<SegmentMask>(verdict.different | 1U << i);
    if (verdict.different != 0 && kept_.size() < kMaxKept) kept_[asked.batch.offset] = content;
    if (traffic_) co_await traffic_->limit_and_sleep(peer_.env(), 0);
    co_return co_await peer_.send(encode_verdict(verdict));
}

env::task<result<void>> SyncSession::answer_blocks(BlockDigests asked) {
    std::shared_ptr<Content> content;
    auto kept = kept_.find(asked.batch.offset);
    if (kept != kept_.end() && kept->second->batch == asked.batch) {
        content = kept->second;
        kept_.erase(kept);
    } else {
        MARS_CO_TRY(content, co_await read(asked.batch));
    }
    std::vector<SegmentPatch> patches;
    std::size_t next = 0;
    for (std::size_t i = 0; i < asked.batch.segments(); ++i) {
        if (!has_bit(asked.segments, i)) continue;
        SegmentPatch patch;
        patch.segment = i;
        patch.digest = content->digests[i];
        for (std::size_t b = 0; b < asked.batch.blocks(i); ++b) {
            auto block = content->block(i, b);
            if (xxh3_128(block) != asked.digests[next++]) add_block(patch, b, block);
        }
        patches.push_back(patch);
    }
    co_return co_await send_patch(*content, std::move(patches));
}

env::task<result<void>> SyncSession::answer_whole(Verdict asked) {
    MARS_CO_TRY(auto content, co_await read(asked.batch));
    std::vector<SegmentPatch> patches;
    for (std::size_t i = 0; i < asked.batch.segments(); ++i) {
        if (!has_bit(asked.different, i)) continue;
        SegmentPatch patch;
        patch.segment = i;
        patch.digest = content->digests[i];
        for (std::size_t b = 0; b < asked.batch.blocks(i); ++b) add_block(patch, b, content->block(i, b));
        patches.push_back(patch);
    }
    co_return co_await send_patch(*content, std::move(patches));
}

env::task<result<void>> SyncSession::send_patch(Content& content, std::vector<SegmentPatch> patches) {
    auto frame = encode_patch(content.batch, patches, content.data.first(content.batch.length));
    if (traffic_) co_await traffic_->limit_and_sleep(peer_.env(), limiter_kib(frame.size()));
    co_return co_await peer_.send(std::move(frame));
}

// The last message of the session; nothing else is answered any more, and the client hangs up when it has it.
env::task<result<void>> SyncSession::send_last(OutFrame last) {
    is_over_ = true;
    MARS_CO_TRY_VOID(co_await peer_.send(std::move(last)));
    MARS_CO_TRY_VOID(co_await peer_.drain());
    co_await peer_.env().clock().sleep(peer_.limits().farewell); // its hanging up ends the session before
    co_return result<void>();
}

} // namespace

SyncServer::SyncServer(env::Env& env, const PeerGate& gate, FindSource find, Turns& digests, Limiter* traffic,
                       PeerServer::Limits limits)
    : SourceServer(env, gate, Purpose::sync, std::move(find), limits), digests_(digests), traffic_(traffic) {}

env::task<result<void>> SyncServer::serve(PeerSession& peer, const Hello& hello) {
    MARS_CO_TRY(Frame first,
                co_await expect_request(peer, Purpose::sync, static_cast<std::uint16_t>(SyncMessage::request)));
    MARS_CO_TRY_VOID(parse_sync_request(first.payload));
    auto source = find(hello.resource);
    if (!source) co_return co_await say_inactive(peer, hello.resource);
    if (!source->accepts()) co_return co_await peer.say_farewell(encode_emergency());
    MARS_CO_TRY_VOID(co_await peer.send(encode_source(source->size())));
    SyncSession session(peer, *source, digests_, traffic_);
    co_return co_await session.run();
}

} // namespace mars::block
